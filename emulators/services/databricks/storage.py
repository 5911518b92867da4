"""The workspace's files: DBFS, volumes and workspace files, each a folder of plain files below the data folder."""

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
"""Bytes in one part of a path: what the file systems below take."""
_LONGEST_PATH = 4000
"""Bytes in a whole path."""


class Storage:
    """The folders, and the only way from a client's path to a file in one of them.

    Args:
        data: the server's data folder.
    """

    def __init__(self, data: Path) -> None:
        files = data.resolve() / "files"
        self.dbfs_root, self.volumes_root, self.workspace_root = files / "dbfs", files / "volumes", files / "workspace"
        self._arriving = data.resolve() / "arriving"
        shutil.rmtree(self._arriving, ignore_errors=True)
        for folder in (
            *(self._arriving, self.dbfs_root / "tmp", self.volumes_root / VOLUME),
            *(self.workspace_root / "Shared", self.workspace_root / "Users" / USER),
        ):
            folder.mkdir(parents=True, exist_ok=True)

    def dbfs(self, path: str) -> Path:
        """The file behind a path of DBFS, with or without its scheme."""
        path = path.removeprefix("dbfs:")
        if path.startswith("/Volumes/"):
            raise invalid(f"{path} is a volume: use the Files API.")
        return _below(self.dbfs_root, path)

    def volume(self, path: str) -> Path:
        """The file behind `/Volumes/<catalog>/<schema>/<volume>/…`; the volume has to exist."""
        names = _names(path)
        if len(names) < 4 or names[0] != "Volumes":
            raise invalid(f"{path} is not below /Volumes/<catalog>/<schema>/<volume>.")
        if not self.volumes_root.joinpath(*names[1:4]).is_dir():
            raise ApiError(404, "NOT_FOUND", f"Volume '{'.'.join(names[1:4])}' does not exist.")
        return _below(self.volumes_root, "/" + "/".join(names[1:]))

    def workspace(self, path: str) -> Path:
        """The file behind a path of the workspace; `/Workspace/Shared/x` and `/Shared/x` are the same."""
        return _below(self.workspace_root, path.removeprefix("/Workspace") or "/")

    def anywhere(self, path: str) -> Path:
        """The file that a job names: `dbfs:/…`, `/dbfs/…`, `/Volumes/…`, `/Workspace/…`; it has to be there."""
        plain = path.removeprefix("dbfs:")
        if plain.startswith("/Volumes/"):
            found = self.volume(plain)
        elif plain.startswith("/Workspace/"):
            found = self.workspace(plain)
        else:
            found = self.dbfs(plain.removeprefix("/dbfs"))
        if not found.is_file():
            raise missing(f"No such file: {path}")
        return found

    @contextmanager
    def arriving(self, target: Path, judge: Callable[[Path], None]) -> Iterator[BinaryIO]:
        """Write a file that appears whole, or, where an error ends this, not at all.

        Args:
            target: where it appears; folders above are made.
            judge: asked at the end; raises ApiError where the target may not be replaced.
        """
        part = self._arriving / uuid.uuid4().hex
        try:
            with part.open("xb") as file:
                yield file
            judge(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, target)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            raise invalid("A part of the path is a file, or the path is a folder.") from None
        finally:
            part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a file or a folder with all that is in it; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def modified_ms(path: Path) -> int:
    """When a file was changed last, in ms since the epoch."""
    return path.stat().st_mtime_ns // 1_000_000


def children(folder: Path) -> list[Path]:
    """What is in a folder, by name."""
    return sorted(folder.iterdir(), key=lambda child: child.name)


def _names(path: str) -> list[str]:
    """The parts of an absolute path; none may lead upwards."""
    if not path.startswith("/"):
        raise invalid(f"Path must be absolute: {path}")
    names = [name for name in path.split("/") if name]
    for name in names:
        if name in (".", "..") or "\0" in name or len(os.fsencode(name)) > _LONGEST_NAME:
            raise invalid(f"Path has a part that is not allowed: {name[:50]!r}")
    return names


def _below(root: Path, path: str) -> Path:
    target = root.joinpath(*_names(path))
    if len(os.fsencode(target)) > _LONGEST_PATH:
        raise invalid(f"Path is too long: {path[:200]}…")
    try:
        inside = target.resolve().is_relative_to(root)  # a job may have left a link that leads elsewhere
    except (OSError, RuntimeError):
        raise invalid(f"{path} goes through links in a circle.") from None
    if not inside:
        raise denied(f"{path} leads out of the workspace.")
    return target
