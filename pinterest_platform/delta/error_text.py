"""Classification of an engine's or a store's error by its text: conflict, unreachable system, broken RPC."""

import re

_CONFLICT_SIGNS = (
    "failed to commit transaction",
    # The engine lists a log on S3 while another run commits to it.
    "missing commit file",
    "conflict",
    "concurrent",
    "already exists",
    "version mismatch",
)
_UNREACHABLE_SIGNS = (
    "error sending request",
    "timed out",
    "timeout",
    "connection refused",
    "connection reset",
    "unavailable",
    "interrupted",
    "cancel",
    "after 10 retries",
    "dns error",
    # The AWS SDK of a JVM reports a failed connection in these words.
    "unable to execute http request",
)
_RPC = re.compile(r"<\w+ of RPC that terminated with:.*?status = StatusCode\.(\w+)\s+details = \"(.*?)\"\n", re.DOTALL)
"""The text of an interrupted gRPC call; it has several lines."""
_JVM_PREAMBLE = "an error occurred while calling"
"""The start of the first line of an error that a JVM raised into this process; the line has no content."""


def is_conflict(text: str) -> bool:
    """Return whether another commit came first, or a log was read while another writer appended to it."""
    return _contains(text, _CONFLICT_SIGNS)


def is_unreachable(text: str) -> bool:
    """Return whether an outside system did not answer."""
    return _contains(text, _UNREACHABLE_SIGNS)


def rpc_status(text: str) -> str | None:
    """Return the status code of an interrupted gRPC call; None for any other error."""
    match = _RPC.match(text)
    return match[1] if match else None


def first_line(text: str) -> str:
    """Return the readable part of an error text that may hold a whole plan or stack."""
    if match := _RPC.match(text):
        text = f"{match[1]}: {match[2]}"
    lines = text.splitlines()
    if lines[1:] and lines[0].lower().startswith(_JVM_PREAMBLE):
        lines = lines[1:]
    return lines[0].removeprefix(": ")[:500].rstrip(".")


def without_frames(text: str) -> str:
    """Return a text without the frames of a JVM's stack: names such as java.util.concurrent are not a conflict."""
    return "\n".join(line for line in text.strip().splitlines() if not line.lstrip().startswith("at ")).strip()


def _contains(text: str, signs: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(sign in lowered for sign in signs)
