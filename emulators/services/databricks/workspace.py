"""The operations of workspace/: files and folders, uploaded wheels among them. Notebooks are not kept."""

import base64
from pathlib import Path
from typing import Any

from starlette.responses import Response

from emulators.services.databricks.errors import ApiError, invalid, missing, taken
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.storage import Storage, children, modified_ms, remove

_FORMATS = ("AUTO", "RAW")
"""Formats in which files are imported; SOURCE, the default, makes notebooks."""


class Workspace:
    """Files of the workspace.

    Args:
        storage: where they are.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def take(self, call: Parameters) -> dict[str, Any]:
        """POST workspace/import; `content` is base64 in JSON, and as it is in a form."""
        path = call.text("path")
        if (call.optional_text("format") or "SOURCE") not in _FORMATS:
            raise invalid(
                f"Only files are kept in this workspace: say format {' or '.join(_FORMATS)} to import {path}."
            )
        content = call.raw("content")
        target, overwrite = self._storage.workspace(path), call.flag("overwrite")
        if not target.parent.is_dir():
            raise missing(f"The parent folder ({Path(path).parent}) does not exist.")

        def judge(target: Path) -> None:
            if target.is_dir() or (target.exists() and not overwrite):
                raise taken(f"{path} already exists. Please pass overwrite as true to overwrite it.")

        with self._storage.arriving(target, judge) as file:
            file.write(content if isinstance(content, bytes) else call.decoded("content"))
        return {}

    def give(self, call: Parameters) -> dict[str, Any] | Response:
        """GET workspace/export."""
        path, found = self._there(call)
        if not found.is_file():
            raise invalid(f"{path} is a folder; only files are exported here.")
        if call.flag("direct_download"):
            return Response(found.read_bytes(), media_type="application/octet-stream")
        return {"content": base64.b64encode(found.read_bytes()).decode(), "file_type": found.suffix.removeprefix(".")}

    def status(self, call: Parameters) -> dict[str, Any]:
        """GET workspace/get-status."""
        return self._told(self._there(call)[1])

    def page(self, call: Parameters) -> dict[str, Any]:
        """GET workspace/list."""
        _, found = self._there(call)
        objects = [self._told(each) for each in (children(found) if found.is_dir() else [found])]
        return {"objects": objects} if objects else {}

    def mkdirs(self, call: Parameters) -> dict[str, Any]:
        """POST workspace/mkdirs."""
        path = call.text("path")
        try:
            self._storage.workspace(path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise taken(f"A part of {path} is a file.") from None
        return {}

    def delete(self, call: Parameters) -> dict[str, Any]:
        """POST workspace/delete."""
        path, found = self._there(call)
        if found == self._storage.workspace_root:
            raise invalid("The root cannot be deleted.")
        if found.is_dir() and any(found.iterdir()) and not call.flag("recursive"):
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")
        remove(found)
        return {}

    def _there(self, call: Parameters) -> tuple[str, Path]:
        path = call.text("path")
        found = self._storage.workspace(path)
        if not found.exists():
            raise missing(f"Path ({path}) doesn't exist.")
        return path, found

    def _told(self, found: Path) -> dict[str, Any]:
        status = found.stat()
        kind = {"object_type": "DIRECTORY"} if found.is_dir() else {"object_type": "FILE", "size": status.st_size}
        name = found.relative_to(self._storage.workspace_root).as_posix()
        times = {"modified_at": modified_ms(found), "created_at": modified_ms(found)}
        return {"path": "/" + name.removeprefix("."), "object_id": status.st_ino, **kind, **times}
