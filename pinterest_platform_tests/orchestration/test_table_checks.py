"""Results of the checks of tables; spark_jobs/test_streams.py tests the comparison itself."""

import pytest

from pinterest_platform.orchestration.table_checks import parity_result
from pinterest_platform.spark_jobs.parameters import CompareResult


@pytest.mark.parametrize(
    ("comparison", "passed", "duplicates"),
    [
        (CompareResult(5, 5, 0, 0, 0, []), True, (0, 0)),
        (CompareResult(7, 5, 0, 0, 0, [3, 4], duplicates_left=2), False, (2, 0)),
        (CompareResult(5, 6, 0, 0, 0, [4], duplicates_right=1), False, (0, 1)),
        (CompareResult(5, 4, 1, 0, 0, [4]), False, (0, 0)),
    ],
)
def test_tables_with_duplicate_rows_do_not_agree(
    comparison: CompareResult, passed: bool, duplicates: tuple[int, int]
) -> None:
    result = parity_result(comparison)
    names = ("duplicates_in_cleaned", "duplicates_in_cleaned_stream")
    assert (result.passed, tuple(result.metadata[name].value for name in names)) == (passed, duplicates)
    assert result.metadata["examples"].value == comparison.examples
