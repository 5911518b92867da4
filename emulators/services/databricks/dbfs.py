"""The operations of DBFS."""

import base64
import itertools
import os
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from emulators.services.databricks.errors import ApiError, already_exists, invalid, missing
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.storage import Storage, children, modified_ms, remove

_MIB = 1024 * 1024
_READ = 512 * 1024
"""Bytes that a read returns if no length is given."""
_MOST_HANDLES = 100


@dataclass(slots=True)
class _Handle:
    """A file that is uploaded in blocks."""

    file: BinaryIO
    closing: ExitStack


class Dbfs:
    """Files of DBFS.

    Args:
        storage: the workspace's files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._handles: dict[int, _Handle] = {}
        self._numbers = itertools.count(uuid.uuid4().int % 2**40)

    def put(self, call: Parameters) -> dict[str, Any]:
        """Upload a small file in one request (POST dbfs/put)."""
        with self._open(call) as file:
            file.write(_block(call, "contents"))
        return {}

    def create(self, call: Parameters) -> dict[str, Any]:
        """Begin a file; the handle is valid until this server stops (POST dbfs/create)."""
        if len(self._handles) >= _MOST_HANDLES:
            raise ApiError(429, "RESOURCE_EXHAUSTED", f"There are {_MOST_HANDLES} open handles.", {"Retry-After": "1"})
        closing = ExitStack()
        number = next(self._numbers)
        self._handles[number] = _Handle(closing.enter_context(self._open(call)), closing)
        return {"handle": number}

    def add_block(self, call: Parameters) -> dict[str, Any]:
        """Append a block to a file (POST dbfs/add-block)."""
        self._handle(call).file.write(_block(call, "data"))
        return {}

    def close(self, call: Parameters) -> dict[str, Any]:
        """Complete a file, so that it appears (POST dbfs/close)."""
        handle = self._handle(call)
        del self._handles[call.integer("handle")]
        handle.closing.close()
        return {}

    def read(self, call: Parameters) -> dict[str, Any]:
        """Read up to 1 MiB of a file (GET dbfs/read)."""
        path, file = self._existing(call)
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
        """Describe a file or directory (GET dbfs/get-status)."""
        return self._status(self._existing(call)[1])

    def page(self, call: Parameters) -> dict[str, Any]:
        """List the entries of a directory, or a file itself (GET dbfs/list)."""
        _, file = self._existing(call)
        return {"files": [self._status(entry) for entry in (children(file) if file.is_dir() else [file])]}

    def mkdirs(self, call: Parameters) -> dict[str, Any]:
        """Create a directory and its parents (POST dbfs/mkdirs)."""
        path = call.text("path")
        try:
            self._storage.dbfs(path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise already_exists(f"A part of {path} is a file.") from None
        return {}

    def delete(self, call: Parameters) -> dict[str, Any]:
        """Delete a file or directory; a missing one counts as deleted (POST dbfs/delete)."""
        path = call.text("path")
        file = self._storage.dbfs(path)
        if file == self._storage.dbfs_root:
            raise invalid("The root cannot be deleted.")
        if file.is_dir() and any(file.iterdir()) and not call.flag("recursive"):
            raise ApiError(400, "IO_ERROR", f"{path} is not empty: set recursive to delete its contents.")
        remove(file)
        return {}

    def move(self, call: Parameters) -> dict[str, Any]:
        """Move a file or directory (POST dbfs/move)."""
        source, target = call.text("source_path"), call.text("destination_path")
        source_file, target_file = self._storage.dbfs(source), self._storage.dbfs(target)
        if not source_file.exists():
            raise missing(f"No file or directory exists on path {source}.")
        if target_file.exists():
            raise already_exists(f"A file or directory already exists at path {target}.")
        if not target_file.parent.is_dir() or target_file.is_relative_to(source_file):
            raise invalid(f"{source} cannot be moved to {target}: its directory is missing, or is in {source}.")
        os.replace(source_file, target_file)
        return {}

    def _open(self, call: Parameters) -> Any:
        path = call.text("path")
        overwrite = call.flag("overwrite")

        def check(target: Path) -> None:
            if target.is_dir() or (target.exists() and not overwrite):
                raise already_exists(f"A file or directory already exists at the input path {path}.")

        target = self._storage.dbfs(path)
        check(target)
        return self._storage.upload(target, check)

    def _handle(self, call: Parameters) -> _Handle:
        number = call.integer("handle")
        if number not in self._handles:
            raise missing(f"No open handle: {number}")
        return self._handles[number]

    def _existing(self, call: Parameters) -> tuple[str, Path]:
        path = call.text("path")
        file = self._storage.dbfs(path)
        if not file.exists():
            raise missing(f"No file or directory exists on path {path}.")
        return path, file

    def _status(self, file: Path) -> dict[str, Any]:
        is_dir = file.is_dir()
        return {
            "path": "/" + file.relative_to(self._storage.dbfs_root).as_posix().removeprefix("."),
            "is_dir": is_dir,
            "file_size": 0 if is_dir else file.stat().st_size,
            "modification_time": modified_ms(file),
        }


def _block(call: Parameters, name: str) -> bytes:
    data = call.decoded(name)
    if len(data) > _MIB:
        raise ApiError(400, "MAX_BLOCK_SIZE_EXCEEDED", f"{name} may be at most {_MIB} bytes.")
    return data
