"""A Databricks workspace: how to call it, where the wheel and a run's files lie, and what its errors mean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from typing import TypeVar

import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import RealClock
from databricks.sdk.config import Config
from databricks.sdk.errors import (
    AlreadyExists,
    BadRequest,
    DeadlineExceeded,
    InternalError,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    Unauthenticated,
)
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.workspace import ImportFormat
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from pinterest_platform.engines.databricks.options import Options
from pinterest_platform.engines.databricks.wheel import Wheel
from pinterest_platform.failures import PermanentFailure, TransientFailure

_FOLDER = "pinterest_platform"
_WITHDRAWN = "withdrawn"
_SHARED = f"/Shared/{_FOLDER}"
_DBFS = f"/tmp/{_FOLDER}"  # noqa: S108  a folder of the workspace, not of this machine
_REFUSED = (Unauthenticated, PermissionDenied)
_PASSING = (InternalError, DeadlineExceeded, requests.RequestException)

_HURRIED_SECONDS = 1.0
"""The longest wait between two calls where there is little time: the SDK else waits for as long as it is told to."""

T = TypeVar("T")


class _Hurried(RealClock):
    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, _HURRIED_SECONDS))


def connect(options: Options, patience_seconds: int | None = None) -> WorkspaceClient:
    """A client of the workspace; the SDK repeats what was throttled (429, 503) or lost its connection.

    Args:
        options: where it is, and who asks.
        patience_seconds: how long it repeats a call, in a hurry; where nothing is said, as long as the options say.
    """
    config = Config(
        host=options.host,
        token=options.token.get_secret_value(),
        auth_type="pat",
        http_timeout_seconds=options.answer_seconds,
        retry_timeout_seconds=patience_seconds or options.patience_seconds,
        clock=_Hurried() if patience_seconds else None,
        product="pinterest_platform",
        product_version=version("pinterest-platform"),
    )
    return WorkspaceClient(config=config)


def with_retries(call: Callable[[], T], seconds: float) -> T:
    """Repeat a call over failures that the SDK does not repeat: other errors of the server, answers cut off."""
    again = Retrying(
        retry=retry_if_exception_type(_PASSING),
        stop=stop_after_delay(seconds),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        reraise=True,
    )
    return again(call)


def upload(client: WorkspaceClient, wheel: Wheel, volume: str) -> str:
    """Put a wheel where runs find it, once for each content; returns its path as a run sees it.

    Args:
        client: the workspace.
        wheel: what to put there.
        volume: the volume to put it into; empty for the workspace's files.
    """
    if volume:
        path = f"{volume}/{_FOLDER}/wheels/{wheel.digest}/{wheel.name}"
        if not client.dbfs.exists(path):
            client.files.create_directory(path.rpartition("/")[0])
            client.files.upload(path, BytesIO(wheel.body), overwrite=True)
        return path
    path = f"{_SHARED}/wheels/{wheel.digest}/{wheel.name}"
    try:
        client.workspace.get_status(path)
    except NotFound:
        client.workspace.mkdirs(path.rpartition("/")[0])
        try:
            client.workspace.upload(path, wheel.body, format=ImportFormat.AUTO)
        except (ResourceAlreadyExists, AlreadyExists):
            pass  # Somebody put the same bytes there meanwhile.
    return f"/Workspace{path}"


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one run, in a volume or on DBFS, for what both sides write.

    Attributes:
        client: the workspace.
        volume: the volume; empty for DBFS.
        name: the run's token.
    """

    client: WorkspaceClient
    volume: str
    name: str

    @property
    def path(self) -> str:
        """Where it is for the API."""
        return f"{self.volume}/{_FOLDER}/runs/{self.name}" if self.volume else f"{_DBFS}/{self.name}"

    @property
    def mounted(self) -> str:
        """Where it is for the job: on every cluster, DBFS is mounted at /dbfs, and volumes at their own path."""
        return self.path if self.volume else f"/dbfs{self.path}"

    def make(self) -> None:
        """Make it; again is no error."""
        self.client.dbfs.mkdirs(self.path)

    def write(self, name: str, body: bytes) -> None:
        """Write a file of it, in blocks: a plan may be larger than one call takes."""
        self.client.dbfs.upload(f"{self.path}/{name}", BytesIO(body), overwrite=True)

    def read(self, name: str) -> bytes | None:
        """A file of it; None while there is none."""
        try:
            with self.client.dbfs.download(f"{self.path}/{name}") as file:
                return file.read(-1)  # without a number, the SDK fails on volumes
        except NotFound:
            return None

    def withdraw(self) -> None:
        """Leave word that Dagster, and no person, cancelled the run."""
        self.write(_WITHDRAWN, b"{}")

    @property
    def withdrawn(self) -> bool:
        """Whether such word was left."""
        return self.client.dbfs.exists(f"{self.path}/{_WITHDRAWN}")

    def remove(self) -> None:
        """Remove it with all that it holds; absent is no error."""
        try:
            self.client.dbfs.delete(self.path, recursive=True)
        except NotFound:
            return


@contextmanager
def translate_errors(host: str) -> Iterator[None]:
    """Turn errors of the API into the platform's failures.

    Raises:
        PermanentFailure: the workspace refuses what is asked, or does not know it.
        TransientFailure: it did not answer in time.
    """
    where = f"The Databricks workspace {host}"
    try:
        yield
    except _REFUSED as error:
        raise PermanentFailure(
            f"{where} refuses this: {_text(error)}.",
            "See that DATABRICKS_TOKEN is valid and its owner may use the cluster, the jobs and the files.",
        ) from error
    except (BadRequest, NotFound) as error:
        raise PermanentFailure(
            f"{where} cannot do this: {_text(error)}.",
            "See that DATABRICKS_CLUSTER_ID, or what else PINTEREST_DATABRICKS_COMPUTE needs, is right.",
        ) from error
    except (DatabricksError, TimeoutError, requests.RequestException) as error:
        raise TransientFailure(
            f"{where} did not answer as it should: {_text(error)}.",
            "See that it is up, and run it again: a run that goes on there is joined.",
        ) from error


def _text(error: BaseException) -> str:
    # What the SDK adds to some errors: its configuration, without the secrets.
    text = str(error.__cause__ or error).partition(" Config: ")[0]
    return " ".join(text.split())[:500].rstrip(".") or type(error).__name__
