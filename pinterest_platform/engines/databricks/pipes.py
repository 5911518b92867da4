"""Dagster Pipes to and from a run on Databricks, on the clients of dagster-databricks.

Those submit and carry the parameters. Context and messages go by one folder that all who ask for the same run share,
and the run is followed by our own rules: docs/decisions tells why.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import dagster as dg
from dagster_databricks import PipesDatabricksClient
from dagster_databricks.pipes import BasePipesDatabricksClient, PipesDatabricksServerlessClient
from dagster_pipes import PipesBlobStoreMessageWriter, PipesContextData, PipesParams
from databricks.sdk import WorkspaceClient

from pinterest_platform.engines.databricks.runs import IdempotentJobs
from pinterest_platform.engines.databricks.workspace import Folder
from pinterest_platform.ports import Json

# dagster-databricks itself calls what Dagster has marked as preview; a user can do nothing about it.
warnings.filterwarnings("ignore", r"Function `Pipes\w+\.(expected_writer_count|get_per_writer_)", dg.PreviewWarning)

Follow = Callable[[int], None]
"""Waits for the end of a run, given its id."""


class _FollowedByUs(BasePipesDatabricksClient):
    follow: Follow

    def _poll_til_success(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> None:  # noqa: ARG002
        self.follow(run_id)


class ClusterClient(_FollowedByUs, PipesDatabricksClient):
    """Submits to an existing cluster or to a new one."""


class ServerlessClient(_FollowedByUs, PipesDatabricksServerlessClient):
    """Submits to serverless compute."""


def client(
    jobs: IdempotentJobs, folder: Folder, messages: "Messages", serverless: bool, follow: Follow
) -> ClusterClient | ServerlessClient:
    """The client of dagster-databricks that submits this run, or joins it.

    Args:
        jobs: what submits.
        folder: where context and messages lie.
        messages: reads what the run says.
        serverless: whether it runs on serverless compute.
        follow: waits for its end.
    """
    # The run's end, be it by a cancel, is `follow`'s business alone.
    common: dict[str, Any] = {
        "client": cast("WorkspaceClient", JobsOnlyClient(jobs)),
        "context_injector": Context(folder, unless=jobs.attempt.joined is not None),
        "message_reader": messages,
        "forward_termination": False,
    }
    made = ServerlessClient(volume_path=folder.volume, **common) if serverless else ClusterClient(**common)
    made.follow = follow
    return made


class JobsOnlyClient:
    """The part of a workspace client that a follower of runs uses: the jobs API."""

    def __init__(self, jobs: IdempotentJobs) -> None:
        self.jobs = jobs


class Context(dg.PipesContextInjector):
    """Leaves the context, and with it job and parameters, in the run's folder.

    Args:
        folder: the run's folder.
        unless: whether it is there already, for a run that is joined.
    """

    def __init__(self, folder: Folder, unless: bool) -> None:
        self._folder = folder
        self._there = unless

    @contextmanager
    def inject_context(self, context_data: PipesContextData) -> Iterator[PipesParams]:
        """Write the context; yields where the job finds it."""
        # Named by what it holds: two who ask at once share the folder, and neither writes over what the job reads.
        body = json.dumps(context_data).encode()
        name = f"context-{hashlib.sha256(body).hexdigest()[:16]}.json"
        if not self._there:
            self._folder.make()
            self._folder.write(name, body)
        yield {"path": f"{self._folder.mounted}/{name}"}

    def no_messages_debug_text(self) -> str:
        """Where the context lay."""
        return f"The context was written to {self._folder.path}."


class Messages(dg.PipesMessageReader):
    """Reads the chunks of messages that a run leaves in its folder, from the first one, whenever it is asked to.

    Args:
        folder: the run's folder.
        progress: gets the lines that the job logs.
    """

    def __init__(self, folder: Folder, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._next = 1
        self._handler: dg.PipesMessageHandler | None = None

    @contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Iterator[PipesParams]:
        """Take the handler; yields where the job leaves its messages."""
        self._handler = handler
        yield {"path": self._folder.mounted, PipesBlobStoreMessageWriter.INCLUDE_STDIO_IN_MESSAGES_KEY: False}

    def no_messages_debug_text(self) -> str:
        """Where messages were looked for."""
        return f"Messages were looked for in {self._folder.path}."

    @property
    def closed(self) -> bool:
        """Whether the job said all it had to say."""
        return self._handler is not None and self._handler.received_closed_message

    @property
    def outcome(self) -> Json | None:
        """What the job said of its end."""
        told = self._handler.get_custom_messages() if self._handler else ()
        return told[-1] if told else None

    def read(self) -> None:
        """Take in what came since the last time."""
        while not self.closed and (chunk := self._folder.read(f"{self._next}.json")):
            try:
                messages = [json.loads(line) for line in chunk.decode().splitlines()]
            except ValueError:
                return  # Half written: the next time it is whole.
            self._next += 1
            for message in messages:
                self._take(message)

    def _take(self, message: Any) -> None:
        if message["method"] == "log":
            self._progress(message["params"]["message"])
        elif self._handler is not None:
            self._handler.handle_message(message)
