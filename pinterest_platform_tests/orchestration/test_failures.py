"""Failures of a run as Dagster shows them: they name asset, operation, cause and next step (rule D12)."""

import errno
import sqlite3
import sys

import dagster as dg
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from pinterest_platform.catalog.names import Names
from pinterest_platform.failures import PlatformFailure, no_response
from pinterest_platform.orchestration.failures import as_dagster_failure


def _read() -> None:
    try:
        raise ConnectionError("refused by a library")
    except ConnectionError as error:
        raise no_response("S3 at x:9", "refused") from error


def test_the_cause_of_an_expected_failure_has_a_message_and_no_stack() -> None:
    try:
        with as_dagster_failure("raw/pin"):
            _read()
    except dg.Failure:
        shown = serializable_error_info_from_exc_info(sys.exc_info())
    assert shown.cause is not None
    assert "S3 at x:9 did not respond" in shown.cause.message
    assert (shown.cause.stack, shown.cause.cause, shown.cause.context) == ([], None, None)
    assert "ConnectionError" not in shown.to_string()


def test_the_failure_names_the_asset_the_cause_and_the_next_step() -> None:
    with pytest.raises(dg.Failure) as failure, as_dagster_failure("raw/pin"):
        _read()
    metadata = {name: str(value.value) for name, value in failure.value.metadata.items()}
    assert (metadata["asset"], metadata["kind"]) == ("raw/pin", "transient")
    assert isinstance(failure.value.__cause__, PlatformFailure)


def failure_of(error: Exception) -> dg.Failure:
    with pytest.raises(dg.Failure) as raised, as_dagster_failure("raw/pin"):
        raise error
    return raised.value


def texts(failure: dg.Failure) -> dict[str, str]:
    return {name: str(entry.value) for name, entry in failure.metadata.items()}


def test_an_unexpected_error_has_its_asset_operation_words_and_next_step_and_is_not_retried() -> None:
    with pytest.raises(dg.Failure) as raised, as_dagster_failure("raw/pin"):
        Names.cleaned_uri(None, None)  # pyright: ignore[reportArgumentType]
    failure = raised.value
    assert failure.description is not None and not failure.allow_retries
    assert failure.description.startswith("raw/pin: pinterest_platform.catalog.names.Names.")
    assert " failed unexpectedly: AttributeError. Report it, with the log of the run. Its words:" in failure.description
    assert "'NoneType' object has no attribute" in failure.description
    assert texts(failure)["asset"] == "raw/pin" and texts(failure)["kind"] == "permanent"
    assert texts(failure)["next_step"] == "Report it, with the log of the run."
    assert isinstance(failure.__cause__, AttributeError)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left"),
        MemoryError(),
        ConnectionResetError("reset"),
        TimeoutError("slow"),
    ],
)
def test_a_shortage_of_the_machine_is_transient(error: Exception) -> None:
    failure = failure_of(error)
    assert failure.allow_retries and texts(failure)["kind"] == "transient"


def full_database() -> Exception:
    error = RuntimeError("(Background on this error at: https://sqlalche.me/e/20/e3q8)")
    error.__cause__ = sqlite3.OperationalError("database or disk is full")
    return error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), full_database()])
def test_a_full_disk_is_named(error: Exception) -> None:
    failure = failure_of(error)
    assert failure.allow_retries
    assert "failed: a disk of this machine is full." in texts(failure)["cause"]
    assert texts(failure)["next_step"] == "Free disk space, then retry."


@pytest.mark.parametrize("error", [OverflowError("int too large"), KeyError("x"), OSError(errno.ENOENT, "No file")])
def test_no_other_unexpected_error_is_retried(error: Exception) -> None:
    assert not failure_of(error).allow_retries


def test_alerts_get_no_words_of_an_unexpected_error_and_logs_its_first_line() -> None:
    failure = failure_of(ValueError("1 validation error\ninput: s3cret"))
    assert "validation" not in str(texts(failure)) and "1 validation error" in str(failure.description)
    assert "s3cret" not in str(failure.description)


@pytest.mark.parametrize("error", [dg.Failure("mine"), dg.RetryRequested(), dg.DagsterInvariantViolationError("x")])
def test_errors_of_dagster_pass_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, as_dagster_failure("raw/pin"):
        raise error
    assert raised.value is error
