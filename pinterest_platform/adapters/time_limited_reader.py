"""A bucket for a command that a user waits for: all its calls together end within the time limit of one."""

import time
from collections.abc import Iterator, Mapping

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import StoredObject
from pinterest_platform.settings import Settings


class TimeLimitedReader(S3ObjectStore):
    """A bucket whose reading calls fail once they have taken `settings.io_timeout_seconds` together.

    Half of that time is the limit of the last call, which may get no response.

    Args:
        settings: endpoint, bucket and time limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.io_timeout_seconds
        super().__init__(settings.model_copy(update={"io_timeout_seconds": self._seconds / 2}))
        self._end: float | None = None

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects under a prefix in key order; see `ObjectStore.list`."""
        self._check()
        for stored in super().list(prefix, after):
            yield stored
            self._check()

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the user metadata of an object, or None; see `ObjectStore.metadata`."""
        self._check()
        return super().metadata(key)

    def read(self, key: str) -> bytes:
        """Return an object's bytes; see `ObjectStore.read`."""
        self._check()
        return super().read(key)

    def _check(self) -> None:
        """Raise TransientFailure if half of the time limit is over since the first call."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds / 2
        if now > self._end:
            raise TransientFailure(
                f"{self._service} is too slow: its objects cannot be read within {self._seconds:g} s.",
                "Check the load of the server and the network, or raise PINTEREST_IO_TIMEOUT_SECONDS, then run it "
                "again.",
            )
