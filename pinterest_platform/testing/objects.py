"""Buckets in memory and in a folder."""

import fcntl
import hashlib
import json
import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import StoredObject
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS

_OWN_FOLDER = ".bucket"
_LONGEST_NAME = 250
_CONTINUED = "%+"
"""The end of the name of a folder if the next part of the path continues the same part of a key."""


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
        """Delete objects; an absent one is not an error."""
        with self._lock:
            for key in keys:
                self.calls.append(("delete", key))
                self.objects.pop(key, None)


class FolderObjectStore:
    """The `ports.ObjectStore` of a bucket in a folder, safe for threads.

    An object is the file at the path of its key (`path_of`), so that a Spark engine reads it and writes Delta tables
    next to it.

    Args:
        folder: the folder; it is created if it is missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._root = Path(folder).resolve()
        self._own = self._root / _OWN_FOLDER
        self._own.mkdir(parents=True, exist_ok=True)

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects under a prefix; see `ObjectStore.list`."""
        start = self._root / _path(prefix.rpartition("/")[0])
        paths = {self._key(path): path for path in _files(start) if self._own not in path.parents}
        for key in sorted(paths):
            if key.startswith(prefix) and key > after:
                try:
                    body, changed = paths[key].read_bytes(), paths[key].stat()
                except FileNotFoundError:  # deleted meanwhile
                    continue
                yield StoredObject(key, len(body), changed.st_mtime_ns // 1_000_000, etag(body))

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the user metadata of an object; None if there is no such object."""
        with self._lock():
            if not (self._root / _path(key)).is_file():
                return None
            path = self._metadata_path(key)
            return json.loads(path.read_bytes()) if path.exists() else {}

    def read(self, key: str) -> bytes:
        """Return the bytes of an object."""
        path = self._root / _path(key)
        if not path.is_file():
            raise PermanentFailure(
                f"There is no object {key} in {self._root}.", "Materialize the asset that creates it."
            )
        return path.read_bytes()

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        """Create or replace an object."""
        with self._lock():
            self._write(key, body, metadata or {})

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        """Create an object; return False if the key is taken."""
        with self._lock():
            if (self._root / _path(key)).exists():
                return False
            self._write(key, body, metadata)
            return True

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; an absent one is not an error."""
        for key in keys:
            with self._lock():
                (self._root / _path(key)).unlink(missing_ok=True)
                self._metadata_path(key).unlink(missing_ok=True)

    def _write(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        # The body last: until it is there, the object does not exist, and the next writer replaces its metadata.
        self._replace(self._metadata_path(key), json.dumps(dict(metadata)).encode())
        self._replace(self._root / _path(key), body)

    def _replace(self, path: Path, content: bytes) -> None:
        incoming = self._own / uuid.uuid4().hex
        incoming.write_bytes(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(path)

    def _metadata_path(self, key: str) -> Path:
        return self._own / "metadata" / _path(key)

    def _key(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix().replace(f"{_CONTINUED}/", "")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock of the bucket, which all stores of the folder share."""
        with (self._own / "lock").open("wb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def path_of(key: str) -> str:
    """Return the path of a key, relative to the folder of the bucket.

    The file system limits a name to 255 bytes; a longer part of a key is split into folders.
    """
    names = (
        f"{_CONTINUED}/".join(part[first : first + _LONGEST_NAME] for first in range(0, len(part), _LONGEST_NAME))
        for part in key.split("/")
    )
    return "/".join(names)


def _path(key: str) -> str:
    """Return the path of the key of an object; raise PermanentFailure if no object in a folder can have it."""
    parts = key.split("/") if key else []
    if parts and (parts[0] == _OWN_FOLDER or not {"", ".", ".."}.isdisjoint(parts)):
        raise PermanentFailure(
            f"{key!r} cannot be the key of an object in a folder.",
            f"Use a key without empty parts, ., .. and {_OWN_FOLDER}.",
        )
    return path_of(key)
