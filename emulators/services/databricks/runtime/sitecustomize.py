"""Emulation of a cluster's mounts: in a job's Python, `/dbfs`, `/Volumes` and `/Workspace` are mapped to plain folders.

A cluster mounts these by FUSE, which needs privileges that the emulator does not require. Python runs this file at its
start, also in child processes, because its folder is the first in PYTHONPATH. It maps absolute paths in `open` and in
the functions of `os`, and therefore in pathlib, shutil and glob. Libraries that open files in native code bypass it.
"""

import builtins
import functools
import io
import json
import os
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

_ONE_PATH = (
    *("open", "stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "unlink", "remove", "access", "chmod", "chown"),
    *("utime", "truncate", "readlink", "chdir", "statvfs"),
)
_TWO_PATHS = ("rename", "replace", "link", "symlink")
_PATH_NAMES = ("file", "path", "src", "dst")
"""Names of these functions' path parameters."""


def install(mounts: Mapping[str, str]) -> None:
    """Map the paths of this process permanently.

    Args:
        mounts: folders of this machine by mount path.
    """
    builtins.open = io.open = _mapping(io.open, 1, mounts)
    for paths, names in ((1, _ONE_PATH), (2, _TWO_PATHS)):
        for name in names:
            original = getattr(os, name)
            mapped = _mapping(original, paths, mounts)
            setattr(os, name, mapped)
            # shutil and tempfile check these sets for the capabilities of a function.
            for functions in (
                os.supports_dir_fd,
                os.supports_fd,
                os.supports_follow_symlinks,
                os.supports_effective_ids,
            ):
                if original in functions:
                    functions.add(mapped)


def _mapping(function: Callable[..., Any], paths: int, mounts: Mapping[str, str]) -> Callable[..., Any]:
    """Return the function with its first `paths` arguments mapped, positional or named."""

    @functools.wraps(function)
    def mapped(*arguments: Any, **named: Any) -> Any:
        for name in _PATH_NAMES:
            if name in named:
                named[name] = _mapped(named[name], mounts)
        return function(*(_mapped(argument, mounts) for argument in arguments[:paths]), *arguments[paths:], **named)

    return mapped


def _mapped(path: Any, mounts: Mapping[str, str]) -> Any:
    """Return a path on this machine; paths outside of the mounts and other values are returned unchanged."""
    if not isinstance(path, str | bytes | os.PathLike):
        return path
    text = os.fsdecode(path)
    if not text.startswith("/"):
        return path
    text = posixpath.normpath(text)
    for mount, folder in mounts.items():
        if text == mount or text.startswith(mount + "/"):
            target = folder + text[len(mount) :]
            return os.fsencode(target) if isinstance(path, bytes) else target
    return path


if "CLUSTER_MOUNTS" in os.environ:
    install(json.loads(os.environ["CLUSTER_MOUNTS"]))
