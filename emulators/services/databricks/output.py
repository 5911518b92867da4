"""What a job prints: kept in files of bounded size, of which the end is shown."""

import asyncio
import contextlib
from pathlib import Path

SHOWN = 5 * 1024 * 1024
"""Bytes of output that clients get: the last ones."""


class Output:
    """The output of one task, in two files at most, each of `SHOWN` bytes.

    Args:
        path: the newer of the two.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._older = path.with_suffix(".older")

    async def take(self, stream: asyncio.StreamReader | None) -> None:
        """Keep what comes, until it ends."""
        while stream and (data := await stream.read(65536)):
            with contextlib.suppress(OSError):  # a full disk must not hold up the job
                self.append(data)

    def append(self, data: bytes) -> None:
        """Keep some bytes."""
        with self._path.open("ab") as file:
            file.write(data)
            full = file.tell() >= SHOWN
        if full:
            self._path.replace(self._older)

    def end(self) -> tuple[str, bool]:
        """The last of it as text, and whether something stood before that."""
        data = b"".join(path.read_bytes() for path in (self._older, self._path) if path.exists())
        return data[-SHOWN:].decode(errors="replace"), len(data) > SHOWN
