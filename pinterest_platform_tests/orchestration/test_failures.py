"""Failures of a run as Dagster shows them."""

import sys

import dagster as dg
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from pinterest_platform.failures import PlatformFailure, no_answer
from pinterest_platform.orchestration.failures import as_dagster_failure


def _read() -> None:
    try:
        raise ConnectionError("refused by a library")
    except ConnectionError as error:
        raise no_answer("S3 at x:9", "refused") from error


def test_the_cause_of_an_expected_failure_has_a_message_and_no_stack() -> None:
    try:
        with as_dagster_failure("raw/pin"):
            _read()
    except dg.Failure:
        shown = serializable_error_info_from_exc_info(sys.exc_info())
    assert shown.cause is not None
    assert "S3 at x:9 did not answer" in shown.cause.message
    assert (shown.cause.stack, shown.cause.cause, shown.cause.context) == ([], None, None)
    assert "ConnectionError" not in shown.to_string()


def test_the_failure_names_the_asset_the_cause_and_the_next_step() -> None:
    with pytest.raises(dg.Failure) as failure, as_dagster_failure("raw/pin"):
        _read()
    metadata = {name: str(value.value) for name, value in failure.value.metadata.items()}
    assert (metadata["asset"], metadata["kind"]) == ("raw/pin", "transient")
    assert isinstance(failure.value.__cause__, PlatformFailure)
