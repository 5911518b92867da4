"""The Files API: files and directories of volumes, with raw bodies."""

import os
from email.utils import formatdate
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from emulators.services.databricks.errors import ApiError, invalid
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.storage import Storage, children, modified_ms

_LARGEST_FILE = 5 * 1024**3
"""Largest upload in bytes."""
_BINARY = "application/octet-stream"
_PAGE = 1000


class Volumes:
    """Files of volumes.

    Args:
        storage: the workspace's files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def files(self, request: Request) -> Response:
        """Write, read, describe or delete a file (PUT, GET, HEAD and DELETE fs/files/Volumes/…)."""
        path = _path(request)
        target = self._storage.volume(path)
        if request.method == "PUT":
            return await self._upload(request, path, target)
        if not target.is_file():
            raise _not_found(path)
        if request.method == "DELETE":
            target.unlink()
            return Response(status_code=204)
        if request.method == "HEAD":
            headers = {"Content-Length": str(target.stat().st_size), "Last-Modified": _http_date(target)}
            return Response(headers=headers, media_type=_BINARY)
        return FileResponse(target, media_type=_BINARY)

    async def directories(self, request: Request) -> Response:
        """Create, list, describe or delete a directory (PUT, GET, HEAD and DELETE fs/directories/Volumes/…)."""
        path = _path(request)
        target = self._storage.volume(path)
        if request.method == "PUT":
            try:
                target.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise ApiError(409, "ALREADY_EXISTS", f"A part of {path} is a file.") from None
            return Response(status_code=204)
        if not target.is_dir():
            raise _not_found(path)
        if request.method == "DELETE":
            return self._remove(path, target)
        if request.method == "HEAD":
            return Response()
        return _page(path, target, Parameters(request.query_params))

    async def _upload(self, request: Request, path: str, target: Path) -> Response:
        overwrite = Parameters(request.query_params).raw("overwrite") != "false"

        def check(target: Path) -> None:
            if target.is_dir() or (target.exists() and not overwrite):
                raise ApiError(409, "ALREADY_EXISTS", f"The file being created already exists: {path}")

        check(target)
        size = 0
        with self._storage.upload(target, check) as file:
            async for piece in request.stream():
                size += len(piece)
                if size > _LARGEST_FILE:
                    raise ApiError(413, "INVALID_PARAMETER_VALUE", f"The file exceeds {_LARGEST_FILE} bytes.")
                file.write(piece)
        return Response(status_code=204)

    def _remove(self, path: str, target: Path) -> Response:
        if len(target.relative_to(self._storage.volumes_root).parts) <= 3:
            raise invalid("A volume itself cannot be deleted here.")
        try:
            target.rmdir()
        except OSError:
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"The directory is not empty: {path}") from None
        return Response(status_code=204)


def _page(path: str, target: Path, call: Parameters) -> Response:
    """Return up to page_size entries by name, after the entry in the token."""
    size = call.optional_integer("page_size", most=_PAGE) or _PAGE
    after = call.optional_text("page_token") or ""
    entries = [child for child in children(target) if child.name > after]
    listing: dict[str, Any] = {"contents": [_entry(path, child) for child in entries[:size]]}
    if len(entries) > size:
        listing["next_page_token"] = entries[size - 1].name
    return Response(orjson.dumps(listing), media_type="application/json")


def _entry(path: str, child: Path) -> dict[str, Any]:
    entry = {
        "path": f"{path.rstrip('/')}/{child.name}",
        "name": child.name,
        "is_directory": child.is_dir(),
        "last_modified": modified_ms(child),
    }
    return entry if child.is_dir() else {**entry, "file_size": child.stat().st_size}


def _path(request: Request) -> str:
    return "/" + request.path_params["path"].lstrip("/")


def _not_found(path: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"The file or directory being accessed is not found: {path}")


def _http_date(path: Path) -> str:
    return formatdate(os.stat(path).st_mtime, usegmt=True)
