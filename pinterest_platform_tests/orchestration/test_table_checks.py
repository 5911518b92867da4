"""What the check of both routes' tables says of a comparison; spark_jobs/test_streams.py shows the comparison."""

import pytest

from pinterest_platform.orchestration.table_checks import parity_result
from pinterest_platform.spark_jobs.parameters import CompareResult


@pytest.mark.parametrize(
    ("found", "passed", "twice"),
    [
        (CompareResult(5, 5, 0, 0, 0, []), True, (0, 0)),
        (CompareResult(7, 5, 0, 0, 0, [3, 4], duplicates_left=2), False, (2, 0)),
        (CompareResult(5, 6, 0, 0, 0, [4], duplicates_right=1), False, (0, 1)),
        (CompareResult(5, 4, 1, 0, 0, [4]), False, (0, 0)),
    ],
)
def test_tables_that_hold_a_row_twice_do_not_pass(found: CompareResult, passed: bool, twice: tuple[int, int]) -> None:
    told = parity_result(found)
    names = ("duplicates_in_cleaned", "duplicates_in_cleaned_stream")
    assert (told.passed, tuple(told.metadata[name].value for name in names)) == (passed, twice)
    assert told.metadata["examples"].value == found.examples
