"""Dagster Pipes to and from a run on Databricks, on the clients of dagster-databricks.

Those submit the run with its parameters. Context and messages are files in one folder per run, so that several Dagster
runs can join it, and `engine` waits for its end (decision 0021).
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

# dagster-databricks itself calls functions that Dagster marks as preview.
warnings.filterwarnings("ignore", r"Function `Pipes\w+\.(expected_writer_count|get_per_writer_)", dg.PreviewWarning)

Wait = Callable[[int], None]
"""A function that waits for the end of a run, given its id."""


class _WaitingClient(BasePipesDatabricksClient):
    wait: Wait

    def _poll_til_success(self, context: dg.OpExecutionContext | dg.AssetExecutionContext, run_id: int) -> None:  # noqa: ARG002
        self.wait(run_id)


class ClusterClient(_WaitingClient, PipesDatabricksClient):
    """A client that submits to an existing cluster or to a new one."""


class ServerlessClient(_WaitingClient, PipesDatabricksServerlessClient):
    """A client that submits to serverless compute."""


def cluster_client(jobs: IdempotentJobs, folder: Folder, messages: "MessageReader", wait: Wait) -> ClusterClient:
    """Return the client of dagster-databricks that submits or joins a run on a cluster.

    Args:
        jobs: submits the run.
        folder: the folder of context and messages.
        messages: reads the messages of the run.
        wait: waits for the end of the run.
    """
    client = ClusterClient(**_parts(jobs, folder, messages))
    client.wait = wait
    return client


def serverless_client(jobs: IdempotentJobs, folder: Folder, messages: "MessageReader", wait: Wait) -> ServerlessClient:
    """Return the client that submits or joins a run on serverless compute; see `cluster_client`."""
    client = ServerlessClient(volume_path=folder.volume, **_parts(jobs, folder, messages))
    client.wait = wait
    return client


def _parts(jobs: IdempotentJobs, folder: Folder, messages: "MessageReader") -> dict[str, Any]:
    # Only `wait` handles the end of the run, cancellation included.
    return {
        "client": cast("WorkspaceClient", JobsOnlyClient(jobs)),
        "context_injector": ContextInjector(folder) if jobs.attempt.joined is None else JoinedContextInjector(folder),
        "message_reader": messages,
        "forward_termination": False,
    }


class JobsOnlyClient:
    """The part of a workspace client that dagster-databricks uses here: the Jobs API."""

    def __init__(self, jobs: IdempotentJobs) -> None:
        self.jobs = jobs


class JoinedContextInjector(dg.PipesContextInjector):
    """The path of the context of a run that is joined, whose submitter wrote it.

    Args:
        folder: the folder of the run.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @contextmanager
    def inject_context(self, context_data: PipesContextData) -> Iterator[PipesParams]:
        """Yield the path of the context for the job."""
        yield {"path": f"{self._folder.mounted}/{_context_name(json.dumps(context_data).encode())}"}

    def no_messages_debug_text(self) -> str:
        """Return the folder of the context."""
        return f"The context was written to {self._folder.path}."


class ContextInjector(JoinedContextInjector):
    """A writer of the context, with job and parameters, to the folder of the run."""

    @contextmanager
    def inject_context(self, context_data: PipesContextData) -> Iterator[PipesParams]:
        """Write the context and yield its path for the job."""
        body = json.dumps(context_data).encode()
        self._folder.create()
        self._folder.write(_context_name(body), body)
        with super().inject_context(context_data) as params:
            yield params


def _context_name(body: bytes) -> str:
    # Named by its content: two submitters share the folder, and neither may overwrite a file that the job reads.
    return f"context-{hashlib.sha256(body).hexdigest()[:16]}.json"


class MessageReader(dg.PipesMessageReader):
    """A reader of the files of messages that a run writes to its folder, from the first one on.

    Args:
        folder: the folder of the run.
        progress: gets the log lines of the job.
    """

    def __init__(self, folder: Folder, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._next = 1
        self._handler: dg.PipesMessageHandler | None = None

    @contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Iterator[PipesParams]:
        """Keep the handler and yield the path for the messages of the job."""
        self._handler = handler
        yield {"path": self._folder.mounted, PipesBlobStoreMessageWriter.INCLUDE_STDIO_IN_MESSAGES_KEY: False}

    def no_messages_debug_text(self) -> str:
        """Return the folder of the messages."""
        return f"No messages were found in {self._folder.path}."

    @property
    def closed(self) -> bool:
        """Return whether the job sent its last message."""
        return self._handler is not None and self._handler.received_closed_message

    @property
    def outcome(self) -> Json | None:
        """Return the outcome that the job sent, if any."""
        messages = self._handler.get_custom_messages() if self._handler else ()
        return messages[-1] if messages else None

    def read(self) -> None:
        """Read the files that were written since the last call."""
        while not self.closed and (chunk := self._folder.read(f"{self._next}.json")):
            try:
                messages = [json.loads(line) for line in chunk.decode().splitlines()]
            except ValueError:
                return  # The file is still being written. The next call reads it.
            self._next += 1
            for message in messages:
                self._handle(message)

    def _handle(self, message: Any) -> None:
        if message["method"] == "log":
            self._progress(message["params"]["message"])
        elif self._handler is not None:
            self._handler.handle_message(message)
