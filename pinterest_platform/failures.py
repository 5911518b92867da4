"""The two kinds of failure of the platform: permanent and transient.

Every message names what failed, why, and what to do.
"""

import errno
import re
from collections.abc import Iterator, Sequence

TIME_LIMIT_HINT = " PINTEREST_IO_TIMEOUT_SECONDS sets the time limit."
"""The end of the action after a service did not respond."""

_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_DATABASE = re.compile("database or disk is full", re.IGNORECASE)
"""The text of SQLite, such as that of a Dagster instance."""


class PlatformFailure(Exception):
    """The base class of the platform's failures.

    Args:
        what: one sentence that names what failed and why.
        action: one sentence that names what to do.
        name: the name that ends the first sentence, if `joined` may list the names of such failures in one sentence.
        service: the service and its address, if the failure is that it did not respond.
    """

    def __init__(self, what: str, action: str, name: str = "", service: str = "") -> None:
        super().__init__(f"{what} {action}")
        self.what = what
        self.action = action
        self.name = name
        self.service = service


class PermanentFailure(PlatformFailure):
    """A failure that a retry cannot resolve: an operator must decide or fix something first."""


class TransientFailure(PlatformFailure):
    """A failure that a retry can resolve: an outside system did not respond, or another writer was first."""


def followed_by(action: str, step: str) -> str:
    """Return an action with one more step; a hint about the time limit stays at the end."""
    steps = action.removesuffix(TIME_LIMIT_HINT)
    return f"{steps} {step}{action[len(steps) :]}"


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error, or one that caused it, is that of a full disk of this machine."""
    cause: BaseException | None = error
    checked: set[int] = set()
    while cause is not None and id(cause) not in checked:
        if (isinstance(cause, OSError) and cause.errno in _FULL_ERRNOS) or _FULL_DATABASE.search(str(cause)):
            return True
        checked.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return False


def no_response(service: str, cause: str) -> TransientFailure:
    """Return the failure of a service that did not respond; one outage has the same message for every call.

    Args:
        service: the service and its address, such as `S3 at http://127.0.0.1:9090`.
        cause: the cause, without a full stop.
    """
    return TransientFailure(
        f"{service} did not respond: {cause}.",
        f"Start the server or fix the network, then retry.{TIME_LIMIT_HINT}",
        service=service,
    )


def foreign_response(store: str, request: str) -> PermanentFailure:
    """Return the failure of a server that responds as no S3 server does, such as the sign-in page of a proxy."""
    return PermanentFailure(
        f"{store} responded to {request} with something else.",
        "Correct AWS_ENDPOINT_URL, or the proxy that responds in place of the store.",
    )


def no_table(uri: str) -> PermanentFailure:
    """Return the failure of a Delta table that does not exist."""
    return PermanentFailure(
        f"There is no Delta table at {uri}.",
        "Run the job that creates it: batch_pipeline, or streaming_pipeline for a table under cleaned_stream/.",
    )


def joined(failures: Sequence[PlatformFailure]) -> PlatformFailure:
    """Return one failure with the messages of all; transient if one of them is, as a retry can resolve that one."""
    if len(failures) == 1:
        return failures[0]
    kind = TransientFailure if any(isinstance(failure, TransientFailure) for failure in failures) else PermanentFailure
    return kind(" ".join(_sentences(failures)), " ".join({failure.action: None for failure in failures}))


def _sentences(failures: Sequence[PlatformFailure]) -> Iterator[str]:
    """Yield what failed, each sentence once; those that differ only in the name at their end are one."""
    names: dict[str, dict[str, None]] = {}
    for failure in failures:
        beginning = failure.what.removesuffix(f"{failure.name}.") if failure.name else failure.what
        names.setdefault(beginning, {})[failure.name] = None
    for beginning, endings in names.items():
        yield beginning if "" in endings else f"{beginning}{', '.join(endings)}."
