"""The stand-in for a cluster's mounts: in a job's Python `/dbfs`, `/Volumes` and `/Workspace` lead to plain folders.

A cluster mounts these by FUSE, for which an emulator would need rights that it does not ask for. Python runs this file
at its start, in child processes too, because its folder stands first in PYTHONPATH. It maps absolute paths in `open`
and in the functions of `os`, and with them pathlib, shutil, glob and the like. Libraries that open files in native code
do not see it.
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
"""What these functions call their paths."""


def install(mounts: Mapping[str, str]) -> None:
    """Map the paths of this process, for good.

    Args:
        mounts: folders of this machine by the path that stands for them.
    """
    builtins.open = io.open = _mapping(io.open, 1, mounts)
    for paths, names in ((1, _ONE_PATH), (2, _TWO_PATHS)):
        for name in names:
            original = getattr(os, name)
            mapped = _mapping(original, paths, mounts)
            setattr(os, name, mapped)
            # Sets of functions by which shutil and tempfile decide what they may do.
            for known in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
                if original in known:
                    known.add(mapped)


def _mapping(function: Callable[..., Any], paths: int, mounts: Mapping[str, str]) -> Callable[..., Any]:
    """The function with its first `paths` arguments mapped, however they are given."""

    @functools.wraps(function)
    def mapped(*arguments: Any, **named: Any) -> Any:
        for name in _PATH_NAMES:
            if name in named:
                named[name] = _mapped(named[name], mounts)
        return function(*(_mapped(each, mounts) for each in arguments[:paths]), *arguments[paths:], **named)

    return mapped


def _mapped(path: Any, mounts: Mapping[str, str]) -> Any:
    """A path as it is on this machine; what is no path of a mount is returned as it is."""
    if not isinstance(path, str | bytes | os.PathLike):
        return path
    text = os.fsdecode(path)
    if not text.startswith("/"):
        return path
    text = posixpath.normpath(text)
    for mount, folder in mounts.items():
        if text == mount or text.startswith(mount + "/"):
            found = folder + text[len(mount) :]
            return os.fsencode(found) if isinstance(path, bytes) else found
    return path


if "CLUSTER_MOUNTS" in os.environ:
    install(json.loads(os.environ["CLUSTER_MOUNTS"]))
