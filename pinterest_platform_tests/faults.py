"""An object store whose calls fail as a test chooses."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import StoredObject
from pinterest_platform.testing import FakeObjectStore

T = TypeVar("T")


class Killed(BaseException):
    """The process that made this call was killed."""


class FaultyStore:
    """The access of one process to a shared store, with faults at chosen calls.

    Args:
        store: the store that processes share.
        faults: by the number of the call, from 0: `fail` before the call, `lose` its response, `echo` (the client
            repeats a call whose response was lost), `kill` the caller before or `kill-after` the call.
        before: called before each call, with its name and key.
    """

    def __init__(
        self,
        store: FakeObjectStore,
        faults: Mapping[int, str] | None = None,
        before: Callable[[str, str], None] = lambda name, key: None,
    ) -> None:
        self._store = store
        self._faults = dict(faults or {})
        self._before = before
        self._calls = 0
        self._dead = False
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        return self._calls

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        yield from self._call("list", prefix, lambda: list(self._store.list(prefix, after)))

    def metadata(self, key: str) -> Mapping[str, str] | None:
        return self._call("metadata", key, lambda: self._store.metadata(key))

    def read(self, key: str) -> bytes:
        return self._call("read", key, lambda: self._store.read(key))

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        self._call("put", key, lambda: self._store.put(key, body, metadata, content_type))

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        return self._call("put_if_absent", key, lambda: self._store.put_if_absent(key, body, metadata, content_type))

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self._call("delete", ",".join(keys), lambda: self._store.delete(keys))

    def _call(self, name: str, key: str, act: Callable[[], T]) -> T:
        with self._lock:
            fault = self._faults.get(self._calls)
            self._calls += 1
            if self._dead or fault == "kill":
                self._dead = True
                raise Killed
        self._before(name, key)
        if fault == "fail":
            raise TransientFailure(f"{name} {key} failed.", "Retry.")
        result = act()
        if fault == "kill-after":
            self._dead = True
            raise Killed
        if fault == "lose":
            raise TransientFailure(f"The response to {name} {key} was lost.", "Retry.")
        return act() if fault == "echo" else result
