"""A bucket in memory."""

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import StoredObject
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS


def etag(body: bytes) -> str:
    """Return the tag of a content, as S3 makes it."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@dataclass
class FakeObject:
    """An object with its user metadata."""

    body: bytes
    metadata: dict[str, str]
    modified_ms: int

    def listed(self, key: str) -> StoredObject:
        """Return the entry of the object in a listing."""
        return StoredObject(
            key, len(self.body), self.modified_ms, hashlib.md5(self.body, usedforsecurity=False).hexdigest()
        )


class FakeObjectStore:
    """The `ports.ObjectStore` of a bucket in memory, safe for threads; `calls` has the name and key of each call."""

    def __init__(self) -> None:
        self.objects: dict[str, FakeObject] = {}
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.RLock()
        self.clock_ms = FIRST_TIMESTAMP_MS

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects under a prefix; see `ObjectStore.list`."""
        with self._lock:
            self.calls.append(("list", prefix))
            keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
            objects = [self.objects[key].listed(key) for key in keys]
        yield from objects

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the user metadata of an object; None if there is no such object."""
        with self._lock:
            self.calls.append(("metadata", key))
            return dict(self.objects[key].metadata) if key in self.objects else None

    def read(self, key: str) -> bytes:
        """Return the bytes of an object."""
        with self._lock:
            self.calls.append(("read", key))
            if key not in self.objects:
                raise PermanentFailure(f"There is no object {key}.", "Restore it.")
            return self.objects[key].body

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        """Create or replace an object."""
        with self._lock:
            self.calls.append(("put", key))
            self.clock_ms += 1
            self.objects[key] = FakeObject(bytes(body), dict(metadata or {}), self.clock_ms)

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        """Create an object; return False if the key is taken."""
        with self._lock:
            if key in self.objects:
                self.calls.append(("taken", key))
                return False
            self.put(key, body, metadata, content_type)
            return True

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; an absent one is no error."""
        with self._lock:
            for key in keys:
                self.calls.append(("delete", key))
                self.objects.pop(key, None)
