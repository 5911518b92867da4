"""The operations of DBFS."""

import base64
import itertools
import os
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from emulators.services.databricks.errors import ApiError, invalid, missing, taken
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.storage import Storage, children, modified_ms, remove

_MIB = 1024 * 1024
_READ = 512 * 1024
"""Bytes that a read returns where no length is given."""
_MOST_HANDLES = 100


@dataclass(slots=True)
class _Handle:
    """A file that arrives in blocks."""

    file: BinaryIO
    closing: ExitStack


class Dbfs:
    """Files of DBFS.

    Args:
        storage: where they are.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._handles: dict[int, _Handle] = {}
        self._numbers = itertools.count(uuid.uuid4().int % 2**40)

    def put(self, call: Parameters) -> dict[str, Any]:
        """POST dbfs/put: a small file in one go."""
        with self._open(call) as file:
            file.write(_block(call, "contents"))
        return {}

    def create(self, call: Parameters) -> dict[str, Any]:
        """POST dbfs/create: begin a file; the handle is good until this server stops."""
        if len(self._handles) >= _MOST_HANDLES:
            raise ApiError(429, "RESOURCE_EXHAUSTED", f"There are {_MOST_HANDLES} open handles.", {"Retry-After": "1"})
        closing = ExitStack()
        number = next(self._numbers)
        self._handles[number] = _Handle(closing.enter_context(self._open(call)), closing)
        return {"handle": number}

    def add_block(self, call: Parameters) -> dict[str, Any]:
        """POST dbfs/add-block."""
        self._handle(call).file.write(_block(call, "data"))
        return {}

    def close(self, call: Parameters) -> dict[str, Any]:
        """POST dbfs/close: the file is there."""
        handle = self._handle(call)
        del self._handles[call.integer("handle")]
        handle.closing.close()
        return {}

    def read(self, call: Parameters) -> dict[str, Any]:
        """GET dbfs/read: up to 1 MiB."""
        path, file = self._there(call)
        if not file.is_file():
            raise invalid(f"{path} is a directory.")
        offset, length = call.optional_integer("offset") or 0, call.optional_integer("length")
        if (length or 0) > _MIB:
            raise ApiError(400, "MAX_READ_SIZE_EXCEEDED", f"length may be at most {_MIB}.")
        with file.open("rb") as opened:
            opened.seek(offset)
            data = opened.read(_READ if length is None else length)
        return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}

    def status(self, call: Parameters) -> dict[str, Any]:
        """GET dbfs/get-status."""
        return self._told(self._there(call)[1])

    def page(self, call: Parameters) -> dict[str, Any]:
        """GET dbfs/list: what is in a directory; of a file itself."""
        _, found = self._there(call)
        return {"files": [self._told(each) for each in (children(found) if found.is_dir() else [found])]}

    def mkdirs(self, call: Parameters) -> dict[str, Any]:
        """POST dbfs/mkdirs."""
        path = call.text("path")
        try:
            self._storage.dbfs(path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise taken(f"A part of {path} is a file.") from None
        return {}

    def delete(self, call: Parameters) -> dict[str, Any]:
        """POST dbfs/delete; what is not there counts as deleted."""
        path = call.text("path")
        found = self._storage.dbfs(path)
        if found == self._storage.dbfs_root:
            raise invalid("The root cannot be deleted.")
        if found.is_dir() and any(found.iterdir()) and not call.flag("recursive"):
            raise ApiError(400, "IO_ERROR", f"{path} is not empty: say recursive to delete all that is in it.")
        remove(found)
        return {}

    def move(self, call: Parameters) -> dict[str, Any]:
        """POST dbfs/move."""
        source, target = call.text("source_path"), call.text("destination_path")
        found, wanted = self._storage.dbfs(source), self._storage.dbfs(target)
        if not found.exists():
            raise missing(f"No file or directory exists on path {source}.")
        if wanted.exists():
            raise taken(f"A file or directory already exists at path {target}.")
        if not wanted.parent.is_dir() or wanted.is_relative_to(found):
            raise invalid(f"{target} is in no directory that {source} can move to.")
        os.replace(found, wanted)
        return {}

    def _open(self, call: Parameters) -> Any:
        path = call.text("path")
        overwrite = call.flag("overwrite")

        def judge(target: Path) -> None:
            if target.is_dir() or (target.exists() and not overwrite):
                raise taken(f"A file or directory already exists at the input path {path}.")

        target = self._storage.dbfs(path)
        judge(target)
        return self._storage.arriving(target, judge)

    def _handle(self, call: Parameters) -> _Handle:
        number = call.integer("handle")
        if number not in self._handles:
            raise missing(f"No open handle: {number}")
        return self._handles[number]

    def _there(self, call: Parameters) -> tuple[str, Path]:
        path = call.text("path")
        found = self._storage.dbfs(path)
        if not found.exists():
            raise missing(f"No file or directory exists on path {path}.")
        return path, found

    def _told(self, found: Path) -> dict[str, Any]:
        is_dir = found.is_dir()
        return {
            "path": "/" + found.relative_to(self._storage.dbfs_root).as_posix().removeprefix("."),
            "is_dir": is_dir,
            "file_size": 0 if is_dir else found.stat().st_size,
            "modification_time": modified_ms(found),
        }


def _block(call: Parameters, name: str) -> bytes:
    data = call.decoded(name)
    if len(data) > _MIB:
        raise ApiError(400, "MAX_BLOCK_SIZE_EXCEEDED", f"{name} may be at most {_MIB} bytes.")
    return data
