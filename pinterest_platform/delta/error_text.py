"""Classification of an engine's or a store's error by its text: conflict, unreachable system, broken RPC."""

import re

_CONFLICT = re.compile(
    r"failed to commit transaction|version mismatch|\bconflict\b|conflicting (?:commit|transaction)"
    # The engine lists a log on S3 while another run commits to it.
    r"|missing commit file"
    r"|delta_concurrent|concurrent\w*exception|concurrent (?:transaction|commit|append|write|update|delete|modif)"
    # A commit that is created twice; anything else that exists, such as a column, is not a conflict.
    r"|_delta_log/[^\n]{0,200} already exists|already exists[^\n]{0,200}_delta_log/|version [^\n]{0,60} already exists"
    r"|filealreadyexists",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"\bunavailable\b|\binterrupted\b|cancel(?:led|ed)\b|dns error|(?:gateway|request|connect\w*|read) ?-?timeout"
    # Spark is ending.
    r"|stopped sparkcontext|sparkcontext (?:was|has been) shut ?down",
    re.IGNORECASE,
)
_OUTAGES = (
    (re.compile(r"status code\W{0,3}((?:429|50[234])[a-z ]*)", re.I), r"\1"),
    (re.compile(r"(Connection refused|Connection reset by peer|No route to host|Network is unreachable)", re.I), r"\1"),
    (re.compile(r"failed to lookup address information:? *([\w ]+)", re.I), r"\1"),
    (re.compile(r"timed out|deadline has elapsed", re.I), "it sends no response within the time limit"),
    (re.compile(r"connection closed|broken pipe|incomplete message|unexpected eof", re.I), "it closed the connection"),
    # The AWS SDK of a JVM reports a failed connection in these words.
    (re.compile(r"unable to execute http request: ([^\n]{1,200})", re.I), r"\1"),
    (re.compile(r"error sending request|after \d+ retries", re.I), "the request could not be sent"),
)
"""The texts of errors of a store that did not respond, and the cause in the words of `adapters.clients`."""
_ADDRESS = re.compile(r"https?://[^/\s?()\"']+")
_AMAZON = re.compile(r"https?://(?:[\w.-]+\.)?s3[.-]([a-z0-9-]+)\.amazonaws\.com$")
_RPC = re.compile(r"<\w+ of RPC that terminated with:.*?status = StatusCode\.(\w+)\s+details = \"(.*?)\"\n", re.DOTALL)
"""The text of an interrupted gRPC call; it has several lines."""
_JVM_PREAMBLE = "an error occurred while calling"
"""The start of the first line of an error that a JVM raised into this process; the line has no content."""


def is_conflict(text: str) -> bool:
    """Return whether another commit came first, or a log was read while another writer appended to it."""
    return _CONFLICT.search(text) is not None


def is_unreachable(text: str) -> bool:
    """Return whether an outside system did not respond."""
    return outage(text) is not None or _UNREACHABLE.search(text) is not None


def outage(text: str) -> str | None:
    """Return the cause if an error text means that a store did not respond; None for any other error."""
    for sign, cause in _OUTAGES:
        if match := sign.search(text):
            return match.expand(cause).strip().rstrip(".")
    return None


def store_at(text: str) -> str | None:
    """Return the store and its address, as an error text names it: `S3 at <endpoint or region>`."""
    match = _ADDRESS.search(text)
    if match is None:
        return None
    amazon = _AMAZON.match(match[0])
    return f"S3 at {amazon[1] if amazon else match[0]}"


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
