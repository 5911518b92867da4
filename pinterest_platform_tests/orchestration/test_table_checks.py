"""Results of the checks of tables; spark_jobs/test_streams.py tests the comparison itself."""

import dagster as dg
import pytest

from pinterest_platform.orchestration.table_checks import (
    LONGEST_LAG_MS,
    TABLE_CHECKS,
    commits_evaluation,
    lag_evaluation,
    lag_result,
    parity_result,
    table_check_results,
    unknown_lag_evaluation,
)
from pinterest_platform.pipelines.soundness import failed_checks
from pinterest_platform.spark_jobs.parameters import CompareResult, VerifyResult


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


def test_only_a_failed_check_of_the_lag_or_of_both_routes_has_a_next_step() -> None:
    key = dg.AssetKey(["cleaned", "pin"])
    passed = [lag_result(key, 0), lag_evaluation(key, LONGEST_LAG_MS), parity_result(CompareResult(5, 5, 0, 0, 0, []))]
    failed = [lag_result(key, None), parity_result(CompareResult(5, 4, 1, 0, 0, [4]))]
    assert all(check.passed and "next_step" not in check.metadata for check in passed)
    assert all(not check.passed and "next_step" in check.metadata for check in failed)


def test_commits_of_other_writers_fail_a_blocking_check_that_names_them_and_the_next_step() -> None:
    lines = ["version 7: RESTORE by delta-rs", "version 9: DELETE by Spark, user eve"]
    result = VerifyResult(0, 0, 3, 0, 0, 0, 0, 0, [], [], lines)
    checks = {check.check_name: check for check in table_check_results(dg.AssetKey(["cleaned", "pin"]), result)}
    assert set(checks) == set(TABLE_CHECKS)
    assert [name for name, check in checks.items() if not check.passed] == ["only_platform_commits"]
    assert failed_checks(result) == {"only_platform_commits": f"another writer changed rows: {'; '.join(lines)}"}
    metadata = checks["only_platform_commits"].metadata
    assert metadata["found"].value == "\n".join(lines)
    assert "`batch_pipeline` with `full_refresh: true`" in str(metadata["next_step"].value)


@pytest.mark.parametrize(("layer", "job"), [("cleaned", "batch_pipeline"), ("cleaned_stream", "streaming_pipeline")])
def test_other_columns_are_fixed_by_moving_the_table_away_and_duplicates_by_a_rebuild(layer: str, job: str) -> None:
    result = VerifyResult(0, 0, 3, 0, 0, 0, 1, 0, ["extra is not expected"], [], [])
    checks = {check.check_name: check for check in table_check_results(dg.AssetKey([layer, "pin"]), result)}
    steps = {name: str(checks[name].metadata["next_step"].value) for name in ("schema", "unique_key")}
    assert f"move it away, and run {job}" in steps["schema"]
    assert f"run {job} with full_refresh" in steps["unique_key"]


def test_the_check_of_commits_passes_in_a_drain_without_commits_of_others() -> None:
    key = dg.AssetKey(["cleaned_stream", "pin"])
    passed, failed = commits_evaluation(key, []), commits_evaluation(key, ["version 7: DELETE by x"])
    assert (passed.passed, failed.passed, failed.severity) == (True, False, dg.AssetCheckSeverity.ERROR)
    assert "`streaming_pipeline`" in str(failed.metadata["next_step"].value)


def test_an_unknown_lag_is_not_fresh() -> None:
    key = dg.AssetKey(["cleaned", "pin"])
    for check in (lag_result(key, None), lag_evaluation(key, None)):
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert "no plausible time" in str(check.metadata["problem"].value)
        assert "lag_seconds" not in check.metadata


@pytest.mark.parametrize(("layer", "sensor"), [("cleaned", "kafka_backlog"), ("cleaned_stream", "kinesis_backlog")])
def test_the_next_step_of_the_lag_check_names_the_sensor_of_the_route(layer: str, sensor: str) -> None:
    key = dg.AssetKey([layer, "pin"])
    late = LONGEST_LAG_MS + 1
    for check in (lag_result(key, late), lag_evaluation(key, late), unknown_lag_evaluation(key, "It is down.")):
        assert f"the sensor {sensor} is" in str(check.metadata["next_step"].value)
