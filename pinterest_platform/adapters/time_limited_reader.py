"""A bucket for a command that a user waits for: all its calls together end within the time limit of one."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import StoredObject
from pinterest_platform.settings import Settings


class TimeLimitedReader(S3ObjectStore):
    """A bucket whose reading calls fail once they have taken `settings.io_timeout_seconds` together.

    Half of that time is the limit of the last call, which may get no response. The time between calls, and the time to
    create the client, are not the server's and are not counted.

    Args:
        settings: endpoint, bucket and time limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.io_timeout_seconds
        super().__init__(settings.model_copy(update={"io_timeout_seconds": self._seconds / 2}))
        self._used_seconds = 0.0

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects under a prefix in key order; see `ObjectStore.list`."""
        objects = super().list(prefix, after)
        while True:
            with self._counted():
                stored = next(objects, None)
            if stored is None:
                return
            yield stored

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the user metadata of an object, or None; see `ObjectStore.metadata`."""
        with self._counted():
            return super().metadata(key)

    def read(self, key: str) -> bytes:
        """Return an object's bytes; see `ObjectStore.read`."""
        with self._counted():
            return super().read(key)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count the time of a call; raises TransientFailure if the earlier ones took half of the time limit."""
        if self._used_seconds > self._seconds / 2:
            raise TransientFailure(
                f"{self._service} is too slow: its objects cannot be read within {self._seconds:g} s.",
                "Check the load of the server and the network, or raise PINTEREST_IO_TIMEOUT_SECONDS, then retry.",
            )
        self._client()
        started = time.monotonic()
        try:
            yield
        finally:
            self._used_seconds += time.monotonic() - started
