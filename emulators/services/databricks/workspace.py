"""The operations of workspace/: files and folders, uploaded wheels among them. Notebooks are not supported."""

import base64
from pathlib import Path
from typing import Any

from starlette.responses import Response

from emulators.services.databricks.errors import ApiError, already_exists, invalid, missing
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.storage import Storage, children, modified_ms, remove

_FORMATS = ("AUTO", "RAW")
"""Formats of imported files; SOURCE, the default, creates notebooks."""


class Workspace:
    """Files of the workspace.

    Args:
        storage: the workspace's files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def upload(self, call: Parameters) -> dict[str, Any]:
        """Import a file; `content` is base64 in JSON, and raw in a form (POST workspace/import)."""
        path = call.text("path")
        if (call.optional_text("format") or "SOURCE") not in _FORMATS:
            raise invalid(
                f"This workspace supports only files: set format to {' or '.join(_FORMATS)} to import {path}."
            )
        content = call.raw("content")
        target, overwrite = self._storage.workspace(path), call.flag("overwrite")
        if not target.parent.is_dir():
            raise missing(f"The parent folder ({Path(path).parent}) does not exist.")

        def check(target: Path) -> None:
            if target.is_dir() or (target.exists() and not overwrite):
                raise already_exists(f"{path} already exists. Please pass overwrite as true to overwrite it.")

        with self._storage.upload(target, check) as file:
            file.write(content if isinstance(content, bytes) else call.decoded("content"))
        return {}

    def export(self, call: Parameters) -> dict[str, Any] | Response:
        """Export a file (GET workspace/export)."""
        path, file = self._existing(call)
        if not file.is_file():
            raise invalid(f"{path} is a folder; only files are exported here.")
        if call.flag("direct_download"):
            return Response(file.read_bytes(), media_type="application/octet-stream")
        return {"content": base64.b64encode(file.read_bytes()).decode(), "file_type": file.suffix.removeprefix(".")}

    def status(self, call: Parameters) -> dict[str, Any]:
        """Describe an object (GET workspace/get-status)."""
        return self._status(self._existing(call)[1])

    def page(self, call: Parameters) -> dict[str, Any]:
        """List the objects of a directory (GET workspace/list)."""
        _, file = self._existing(call)
        objects = [self._status(entry) for entry in (children(file) if file.is_dir() else [file])]
        return {"objects": objects} if objects else {}

    def mkdirs(self, call: Parameters) -> dict[str, Any]:
        """Create a directory and its parents (POST workspace/mkdirs)."""
        path = call.text("path")
        try:
            self._storage.workspace(path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise already_exists(f"A part of {path} is a file.") from None
        return {}

    def delete(self, call: Parameters) -> dict[str, Any]:
        """Delete an object (POST workspace/delete)."""
        path, file = self._existing(call)
        if file == self._storage.workspace_root:
            raise invalid("The root cannot be deleted.")
        if file.is_dir() and any(file.iterdir()) and not call.flag("recursive"):
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")
        remove(file)
        return {}

    def _existing(self, call: Parameters) -> tuple[str, Path]:
        path = call.text("path")
        file = self._storage.workspace(path)
        if not file.exists():
            raise missing(f"Path ({path}) doesn't exist.")
        return path, file

    def _status(self, file: Path) -> dict[str, Any]:
        status = file.stat()
        kind = {"object_type": "DIRECTORY"} if file.is_dir() else {"object_type": "FILE", "size": status.st_size}
        name = file.relative_to(self._storage.workspace_root).as_posix()
        times = {"modified_at": modified_ms(file), "created_at": modified_ms(file)}
        return {"path": "/" + name.removeprefix("."), "object_id": status.st_ino, **kind, **times}
