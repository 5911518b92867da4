"""Translation of errors of a store or a Delta table into failures."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

import pyarrow as pa
from deltalake.exceptions import DeltaError

from pinterest_platform.catalog import CLEANED_QUARANTINE_PREFIX, CLEANED_STREAM_QUARANTINE_PREFIX
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.error_text import outage, store_at
from pinterest_platform.delta.log_problems import DAMAGED_PARQUET, GAP
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, no_response
from pinterest_platform.network_errors import wrong_tls

_REFUSAL = re.compile(
    r"status(?: code)?:? 40[13]\b|403 forbidden|401 unauthorized"
    r"|<code>(?:accessdenied|invalidaccesskeyid|signaturedoesnotmatch|nosuchbucket)</code>",
    re.IGNORECASE,
)
"""The text of a store's refusal; a bare 403 can be part of a port, a file name or an offset."""
_FAILED_SERVER = re.compile(r"status(?: code)?:? 5\d\d\b|slow ?down|<code>unexpectedcontent", re.IGNORECASE)
"""The text of a store that failed; the emulators' store responds with UnexpectedContent if its disk is full."""
_OBJECT_STORE = re.compile("generic s3 error", re.IGNORECASE)
_DISK_FULL = re.compile(r"no space left|storagefull|disk quota", re.IGNORECASE)
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|↳")
_FRAMES = re.compile(r" 0: <unknown>.*$|:? ParsedLogPath \{.*$")
"""The stack or the objects of a Rust library, which some texts end with."""
_REBUILD = "move the table away; the next run rebuilds it."
_REFILL = "move the table away; a full_refresh of its cleaned table fills it again."
"""The last step for a quarantine table: the next run writes only the records that it rejects itself."""
_QUARANTINES = CLEANED_QUARANTINE_PREFIX, CLEANED_STREAM_QUARANTINE_PREFIX
_PROBLEMS = (
    (
        re.compile("had a _last_checkpoint hint", re.I),
        "its _last_checkpoint names a checkpoint that does not exist",
        "Delete _delta_log/_last_checkpoint, which readers do not need, or {rebuild}",
    ),
    (
        GAP,
        "a file of its _delta_log is missing, or a later one is superfluous",
        "Restore the file, or move the superfluous one away, or {rebuild}",
    ),
    (
        # Of a later version, the same text can be a listing next to a commit.
        re.compile("no table metadata or protocol|missing commit file: expected version 0,", re.I),
        "a file of its _delta_log is missing",
        "Restore the file, or {rebuild}",
    ),
    (
        re.compile("invalid json in log record", re.I),
        "a file of it is damaged",
        "Restore the file of this version in its log, or delete it if its name ends with .compacted.json, or {rebuild}",
    ),
    (
        re.compile(
            f"{DAMAGED_PARQUET.pattern}|json error|invalid json|truncated record|expecting value|unterminated"
            "|magic bytes not found|parquet file size is|requested range was invalid|the file of commit \\d+ is empty",
            re.I,
        ),
        "a file of it is damaged",
        "Restore the file, or {rebuild}",
    ),
    (
        re.compile("is a directory", re.I),
        "a folder has the name of one of its files",
        "Move the folder away and restore the file, if there was one, or {rebuild}",
    ),
    (
        re.compile(r"object at location (?!\S*_delta_log)\S+ not found", re.I),
        "a file that its log names does not exist",
        "Restore the file, or {rebuild}",
    ),
    (
        re.compile("append-only", re.I),
        "its property delta.appendOnly permits no change of rows",
        "Switch it off, in Spark: SET TBLPROPERTIES ('delta.appendOnly' = 'false').",
    ),
    (
        re.compile("changedatafeed|change data feed", re.I),
        "its change data feed is switched on, and Sail does not write change files",
        "Switch it off, in Spark: SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false'), or {rebuild}",
    ),
    (
        re.compile("table features|(?:reader|writer) features|column mapping|minimum (?:reader|writer) version", re.I),
        "it uses a feature that the platform does not support",
        "Remove the feature, in Spark: ALTER TABLE ... DROP FEATURE, or {rebuild}",
    ),
)
"""Texts of readers and writers of tables, the cause, and the next step."""


def rebuild_step(table: str) -> str:
    """Return the last step for a table that cannot be repaired, given its address or a text that names it."""
    return _REFILL if any(prefix in table for prefix in _QUARANTINES) else _REBUILD


def known_problem(text: str, uri: str = "") -> tuple[str, str] | None:
    """Return cause and next step of a table that others left unusable; None if the text is of no known problem.

    Args:
        text: the text of an error.
        uri: the table, if it is known; the text may name it.
    """
    rebuild = rebuild_step(uri or text)
    return next(
        ((cause, action.format(rebuild=rebuild)) for sign, cause, action in _PROBLEMS if sign.search(text)), None
    )


def is_failed_store(text: str) -> bool:
    """Return whether a store failed or a disk is full, given the text of an error of an engine."""
    return _FAILED_SERVER.search(text) is not None or _DISK_FULL.search(text) is not None


@contextmanager
def translate_store_errors(uri: str) -> Iterator[None]:
    """Raise errors of the store or the table at an address as failures; conflicts pass unchanged.

    Raises:
        PermanentFailure: the store refuses, there is no bucket, or the table is damaged.
        TransientFailure: the store did not respond in time.
    """
    try:
        yield
    except (CommitConflictError, PlatformFailure):
        raise
    except (DeltaError, OSError, ValueError, pa.ArrowException) as error:
        raise _failure(uri, error) from error


def _failure(uri: str, error: Exception) -> PlatformFailure:
    text = _FRAMES.sub("", " ".join(_DECORATION.sub(" ", str(error)).split()))
    short = shorten(text, 300).rstrip(".")
    if "NoSuchBucket" in text:
        return PermanentFailure(
            f"There is no bucket for {uri}.", "Run the job `provision`, which creates it, or set PINTEREST_BUCKET."
        )
    if "incorrectly configured region" in text:
        return PermanentFailure(
            f"The store redirects {uri}: the bucket is in another region.",
            "Set AWS_REGION to the region of the bucket.",
        )
    if _REFUSAL.search(text) or isinstance(error, PermissionError):
        return PermanentFailure(
            f"The store refuses {uri}: {short}.",
            "Check that the bucket exists and that the credentials permit access to it.",
        )
    if isinstance(error, FileNotFoundError):
        return PermanentFailure(
            f"The Delta table {uri} cannot be used: a file that its log names does not exist: {short}.",
            f"Restore the file, or {rebuild_step(uri)}",
        )
    if wrong := wrong_tls(store_at(text) or f"The store of {uri}", text):
        return wrong
    if problem := known_problem(text, uri):
        return PermanentFailure(f"The Delta table {uri} cannot be used: {problem[0]}: {short}.", problem[1])
    if _DISK_FULL.search(text):
        return TransientFailure(f"The store of {uri} has no free space: {short}.", "Free space, then retry.")
    cause = outage(text)
    is_store = isinstance(error, OSError) or _OBJECT_STORE.search(text)
    if is_store and _FAILED_SERVER.search(text) and not (cause and cause[0].isdigit()):
        return TransientFailure(
            f"{store_at(text) or 'The store'} failed on {uri}: {short}.",
            "Check the log and the free disk space of the server, then retry.",
        )
    if cause:
        return no_response(store_at(text) or f"The store of {uri}", cause)
    return PermanentFailure(
        f"The Delta table {uri} cannot be used: {short}.",
        f"Fix the named problem, or {rebuild_step(uri)} If neither helps, report it.",
    )
