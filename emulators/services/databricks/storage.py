"""The workspace's files: DBFS, volumes and workspace files, each a folder of plain files in the data folder."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from emulators.services.databricks.errors import ApiError, denied, invalid, missing
from emulators.services.databricks.options import USER, VOLUME

_LONGEST_NAME = 255
"""Largest path segment in bytes: the limit of file systems."""
_LONGEST_PATH = 4000
"""Largest path in bytes."""


class Storage:
    """The folders, and the mapping of client paths to files in them.

    Args:
        data: the server's data folder.
    """

    def __init__(self, data: Path) -> None:
        files = data.resolve() / "files"
        self.dbfs_root = files / "dbfs"
        self.volumes_root = files / "volumes"
        self.workspace_root = files / "workspace"
        self._uploads = data.resolve() / "arriving"
        shutil.rmtree(self._uploads, ignore_errors=True)
        for folder in (
            *(self._uploads, self.dbfs_root / "tmp", self.volumes_root / VOLUME),
            *(self.workspace_root / "Shared", self.workspace_root / "Users" / USER),
        ):
            folder.mkdir(parents=True, exist_ok=True)

    def dbfs(self, path: str) -> Path:
        """Return the file of a DBFS path, with or without its scheme."""
        path = path.removeprefix("dbfs:")
        if path.startswith("/Volumes/"):
            raise invalid(f"{path} is a volume: use the Files API.")
        return _below(self.dbfs_root, path)

    def volume(self, path: str) -> Path:
        """Return the file of `/Volumes/<catalog>/<schema>/<volume>/…`; the volume must exist."""
        names = _names(path)
        if len(names) < 4 or names[0] != "Volumes":
            raise invalid(f"{path} is not in /Volumes/<catalog>/<schema>/<volume>.")
        if not self.volumes_root.joinpath(*names[1:4]).is_dir():
            raise ApiError(404, "NOT_FOUND", f"Volume '{'.'.join(names[1:4])}' does not exist.")
        return _below(self.volumes_root, "/" + "/".join(names[1:]))

    def workspace(self, path: str) -> Path:
        """Return the file of a workspace path; `/Workspace/Shared/x` and `/Shared/x` are equal."""
        return _below(self.workspace_root, path.removeprefix("/Workspace") or "/")

    def anywhere(self, path: str) -> Path:
        """Return the existing file of a job's path: `dbfs:/…`, `/dbfs/…`, `/Volumes/…`, `/Workspace/…`."""
        plain = path.removeprefix("dbfs:")
        if plain.startswith("/Volumes/"):
            file = self.volume(plain)
        elif plain.startswith("/Workspace/"):
            file = self.workspace(plain)
        else:
            file = self.dbfs(plain.removeprefix("/dbfs"))
        if not file.is_file():
            raise missing(f"No such file: {path}")
        return file

    @contextmanager
    def upload(self, target: Path, check: Callable[[Path], None]) -> Iterator[BinaryIO]:
        """Write a file atomically: after an error it does not appear.

        Args:
            target: its path; missing folders are created.
            check: called at the end; raises ApiError if the target may not be replaced.
        """
        part = self._uploads / uuid.uuid4().hex
        try:
            with part.open("xb") as file:
                yield file
            check(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, target)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            raise invalid("A part of the path is a file, or the path is a folder.") from None
        finally:
            part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a file, or a folder with its contents, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def modified_ms(path: Path) -> int:
    """Return a file's modification time in ms since the epoch."""
    return path.stat().st_mtime_ns // 1_000_000


def children(folder: Path) -> list[Path]:
    """Return the entries of a folder by name."""
    return sorted(folder.iterdir(), key=lambda child: child.name)


def _names(path: str) -> list[str]:
    """Return the segments of an absolute path; raises ApiError for invalid ones such as `..`."""
    if not path.startswith("/"):
        raise invalid(f"Path must be absolute: {path}")
    names = [name for name in path.split("/") if name]
    for name in names:
        if name in (".", "..") or "\0" in name or len(os.fsencode(name)) > _LONGEST_NAME:
            raise invalid(f"Path has an invalid segment: {name[:50]!r}")
    return names


def _below(root: Path, path: str) -> Path:
    target = root.joinpath(*_names(path))
    if len(os.fsencode(target)) > _LONGEST_PATH:
        raise invalid(f"Path is too long: {path[:200]}…")
    try:
        inside = target.resolve().is_relative_to(root)  # a job may have created a link out of the folder
    except (OSError, RuntimeError):
        raise invalid(f"{path} has a loop of links.") from None
    if not inside:
        raise denied(f"{path} leads out of the workspace.")
    return target
