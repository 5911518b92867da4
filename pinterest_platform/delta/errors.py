"""Translation of errors of a store or a Delta table into failures."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

import pyarrow as pa
from deltalake.exceptions import DeltaError

from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.error_text import is_unreachable
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure

_REFUSAL = re.compile(
    r"status(?: code)?:? 40[13]\b|403 forbidden|401 unauthorized"
    r"|<code>(?:accessdenied|invalidaccesskeyid|signaturedoesnotmatch|nosuchbucket)</code>",
    re.IGNORECASE,
)
"""The text of a store's refusal; a bare 403 can be part of a port, a file name or an offset."""
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|↳")


@contextmanager
def translate_store_errors(uri: str) -> Iterator[None]:
    """Raise errors of the store or the table at an address as failures; conflicts pass unchanged.

    Raises:
        PermanentFailure: the store refuses, there is no bucket, or the table is damaged.
        TransientFailure: the store did not answer in time.
    """
    try:
        yield
    except (CommitConflictError, PlatformFailure):
        raise
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise _failure(uri, error) from error


def _failure(uri: str, error: Exception) -> PlatformFailure:
    text = " ".join(_DECORATION.sub(" ", str(error)).split())
    if "NoSuchBucket" in text:
        return PermanentFailure(
            f"There is no bucket for {uri}.", "Run the job `provision`, which creates it, or set PINTEREST_BUCKET."
        )
    if _REFUSAL.search(text):
        return PermanentFailure(
            f"The store refuses {uri}: {shorten(text, 300)}.",
            "Check that the bucket exists and that the credentials permit access to it.",
        )
    # Stores fail with OSError; of the other errors, some wrap one.
    if not isinstance(error, OSError) and not is_unreachable(str(error)):
        return PermanentFailure(
            f"The Delta table {uri} cannot be used: {shorten(text, 300)}.",
            "Fix the named problem, or move the table away and run a full refresh.",
        )
    return TransientFailure(
        f"The store did not answer for {uri}: {shorten(text, 300)}.",
        "Check the store and the connection to it, and retry; PINTEREST_IO_TIMEOUT_SECONDS sets the timeout.",
    )
