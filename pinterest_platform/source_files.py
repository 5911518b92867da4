"""A digest of parts of this package. A result that another version of the code made is recognised by its digest."""

from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable


def source_digest(*parts: str, suffixes: tuple[str, ...] = (".py",)) -> str:
    """Return the digest of the names and contents of source files.

    Args:
        parts: paths of files and folders in the package; folders with their subfolders.
        suffixes: the ends of the names of the files that count.
    """
    digest = sha256()
    for part in parts:
        for file in _files(files("pinterest_platform").joinpath(part), suffixes):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(path: Traversable, suffixes: tuple[str, ...]) -> Iterator[Traversable]:
    if path.is_dir():
        for child in sorted(path.iterdir(), key=lambda child: child.name):
            yield from _files(child, suffixes)
    elif path.name.endswith(suffixes):
        yield path
