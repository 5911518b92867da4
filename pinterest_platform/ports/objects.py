"""Objects in a bucket."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a bucket.

    Attributes:
        key: its key.
        size: its bytes.
        modified_ms: the time of its last write in ms since the epoch.
        etag: the store's tag of its content, which changes with the content.
    """

    key: str
    size: int
    modified_ms: int = 0
    etag: str = ""


class ObjectStore(Protocol):
    """A bucket with conditional creation. Every method raises TransientFailure if the store does not respond."""

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects under a prefix whose keys are after `after`, in key order."""
        ...

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the user metadata of an object, or None if there is no such object."""
        ...

    def read(self, key: str) -> bytes:
        """Return the bytes of an object; raise PermanentFailure if there is none."""
        ...

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        """Create or replace an object."""
        ...

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        """Create an object; return False if there is one of its key, from any writer."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; an absent one is not an error."""
        ...
