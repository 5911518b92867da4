"""A Databricks workspace: its client, the folders of the wheel and of each run, and its errors."""

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
from pinterest_platform.network_errors import network_failure

_FOLDER = "pinterest_platform"
_CANCELLED = "withdrawn"
"""The file that marks a run as cancelled by Dagster. Its name is the one that earlier versions wrote."""

_SHARED = f"/Shared/{_FOLDER}"
_DBFS = f"/tmp/{_FOLDER}"  # noqa: S108  a folder of the workspace, not of this machine
_REFUSED = (Unauthenticated, PermissionDenied)
_TRANSIENT = (InternalError, DeadlineExceeded, requests.RequestException)

_SHORT_WAIT_SECONDS = 1.0
"""The maximum wait between two calls if time is short. Otherwise the SDK waits as long as the workspace demands."""

T = TypeVar("T")


class _ShortWaitClock(RealClock):
    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, _SHORT_WAIT_SECONDS))


def connect(options: Options, retry_seconds: int | None = None) -> WorkspaceClient:
    """Return a client of the workspace; the SDK retries calls that were throttled (429, 503) or lost a connection.

    Args:
        options: address and token.
        retry_seconds: the time for which calls are retried, with short waits; None for that of the options.
    """
    config = Config(
        host=options.host,
        token=options.token.get_secret_value(),
        auth_type="pat",
        http_timeout_seconds=options.call_timeout_seconds,
        retry_timeout_seconds=retry_seconds or options.retry_seconds,
        clock=_ShortWaitClock() if retry_seconds else None,
        product="pinterest_platform",
        product_version=version("pinterest-platform"),
    )
    return WorkspaceClient(config=config)


def with_retries(call: Callable[[], T], seconds: float) -> T:
    """Retry a call after errors that the SDK does not retry: other server errors, and responses that were cut."""
    retrying = Retrying(
        retry=retry_if_exception_type(_TRANSIENT),
        stop=stop_after_delay(seconds),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        reraise=True,
    )
    return retrying(call)


def upload(client: WorkspaceClient, wheel: Wheel, volume: str) -> str:
    """Upload a wheel once per content, and return its path for a run.

    Args:
        client: the workspace.
        wheel: the wheel.
        volume: the volume to upload to; empty for workspace files.
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
            pass  # Another run uploaded the same bytes meanwhile.
    return f"/Workspace{path}"


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one run, in a volume or on DBFS, for files that Dagster and the run exchange.

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
        """Return its path for the API."""
        return f"{self.volume}/{_FOLDER}/runs/{self.name}" if self.volume else f"{_DBFS}/{self.name}"

    @property
    def mounted(self) -> str:
        """Return its path for the job: clusters mount DBFS at /dbfs, and volumes at their own path."""
        return self.path if self.volume else f"/dbfs{self.path}"

    def create(self) -> None:
        """Create the folder unless it exists."""
        self.client.dbfs.mkdirs(self.path)

    def write(self, name: str, body: bytes) -> None:
        """Write a file in blocks, because a plan can exceed the limit of one call."""
        self.client.dbfs.upload(f"{self.path}/{name}", BytesIO(body), overwrite=True)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if it does not exist."""
        try:
            with self.client.dbfs.download(f"{self.path}/{name}") as file:
                return file.read(-1)  # without a size, the SDK fails on volumes
        except NotFound:
            return None

    def mark_cancelled(self) -> None:
        """Mark the run as cancelled by Dagster, not by a user of the workspace."""
        self.write(_CANCELLED, b"{}")

    @property
    def is_marked_cancelled(self) -> bool:
        """Return whether Dagster cancelled the run."""
        return self.client.dbfs.exists(f"{self.path}/{_CANCELLED}")

    def remove(self) -> None:
        """Remove the folder with its files, if it exists."""
        try:
            self.client.dbfs.delete(self.path, recursive=True)
        except NotFound:
            return


@contextmanager
def translate_errors(host: str) -> Iterator[None]:
    """Raise errors of the API as failures of the platform.

    Raises:
        PermanentFailure: the workspace refuses the request, or something that it names does not exist.
        TransientFailure: the workspace did not respond in time.
    """
    workspace = f"The Databricks workspace {host}"
    try:
        yield
    except _REFUSED as error:
        raise PermanentFailure(
            f"{workspace} refuses the request: {_text(error)}.",
            "Check that DATABRICKS_TOKEN is valid and that its owner may use the cluster, the jobs and the files.",
        ) from error
    except (BadRequest, NotFound) as error:
        raise PermanentFailure(
            f"{workspace} cannot serve the request: {_text(error)}.",
            "Check DATABRICKS_CLUSTER_ID and the other settings that PINTEREST_DATABRICKS_COMPUTE needs.",
        ) from error
    except (DatabricksError, TimeoutError, requests.RequestException) as error:
        if isinstance(error, requests.RequestException) and not isinstance(
            failure := network_failure(error, workspace), TransientFailure
        ):
            raise failure or PermanentFailure(
                f"{workspace} cannot be called: {_text(error)}.", "Correct DATABRICKS_HOST."
            ) from error
        raise TransientFailure(
            f"{workspace} did not respond: {_text(error)}.",
            "Check that it is up, then retry: a run that continues there is joined.",
        ) from error


def _text(error: BaseException) -> str:
    # The SDK appends its configuration to some errors.
    text = str(error.__cause__ or error).partition(" Config: ")[0]
    return " ".join(text.split())[:500].rstrip(".") or type(error).__name__
