"""Output of a job: kept in files of bounded size; clients get its end."""

import asyncio
import contextlib
from pathlib import Path

SHOWN = 5 * 1024 * 1024
"""Number of bytes at the end of the output that clients get."""


class Output:
    """The output of one task, in at most two files of about `SHOWN` bytes each.

    Args:
        path: the newer file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._older = path.with_suffix(".older")

    async def copy(self, stream: asyncio.StreamReader | None) -> None:
        """Append a stream until its end."""
        while stream and (data := await stream.read(65536)):
            with contextlib.suppress(OSError):  # a full disk must not block the job
                self.append(data)

    def append(self, data: bytes) -> None:
        """Append bytes."""
        with self._path.open("ab") as file:
            file.write(data)
            full = file.tell() >= SHOWN
        if full:
            self._path.replace(self._older)

    def end(self) -> tuple[str, bool]:
        """Return the end of the output as text, and whether it was truncated."""
        data = b"".join(path.read_bytes() for path in (self._older, self._path) if path.exists())
        return data[-SHOWN:].decode(errors="replace"), len(data) > SHOWN
