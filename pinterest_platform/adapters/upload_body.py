"""The body of an upload, sent in large pieces."""

import io

_PIECE_BYTES = 16 * 1024 * 1024


class UploadBody(io.BytesIO):
    """Bytes to send, in pieces of at least 16 MiB.

    After each piece, the client waits for the interpreter's lock, up to 5 ms next to a busy thread. With the client's
    own pieces of 128 KiB, an object of 64 MiB takes seconds longer while the next one is built.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes: all, or the larger of `size` and one piece."""
        return super().read(-1 if size is None or size < 0 else max(size, _PIECE_BYTES))
