"""Checks of tables; the blocking ones must pass before anything is built on a table (rule D9)."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.messages import counted
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.pipelines.backlog import LONGEST_LAG_MS
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.soundness import failed_checks, inspect_and_record, next_step, unsound
from pinterest_platform.spark_jobs.parameters import CompareResult, VerifyResult

TABLE_CHECKS: Mapping[str, str] = {
    "schema": "The table has the columns that cleaning writes, in order, with their types.",
    "unique_key": "No `ind` is in more than one row.",
    "key_not_null": "Every row has an `ind`.",
    "only_platform_commits": "Since its last rebuild, no other writer changed rows of the table.",
}

COMMITS_CHECK = "only_platform_commits"

_REBUILD = {"cleaned": "`batch_pipeline`", "cleaned_stream": "`streaming_pipeline`"}

_BACKLOG_SENSOR = {"cleaned": "kafka_backlog", "cleaned_stream": "kinesis_backlog"}

REPORT_CHECK = "sound"

PARITY_CHECK = "agrees_with_cleaned"

LAG_CHECK = "fresh"
LAG_DESCRIPTION = "No record that is not in the table yet is older than a minute."


def table_checks(layer: str, entity: Entity, route: Route) -> dg.AssetChecksDefinition:
    """Define the blocking checks `TABLE_CHECKS` of a cleaned table, computed by one Spark job.

    Args:
        layer: first part of the table's asset key.
        entity: second part of it.
        route: the route that the table belongs to.
    """
    key, op = dg.AssetKey([layer, entity.name]), f"{layer}_{entity.name}_is_sound"

    @dg.multi_asset_check(
        name=op,
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=description, blocking=True)
            for name, description in TABLE_CHECKS.items()
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext,
        lakehouse: dg.ResourceParam[Lakehouse],
    ) -> Iterator[dg.AssetCheckResult]:
        with as_dagster_failure(op, key.to_user_string()):
            selected = {check.name for check in context.selected_asset_check_keys}
            table = inspect_and_record(lakehouse, entity, route, context.log.info)
            yield from (result for result in table_check_results(key, table) if result.check_name in selected)
            # Else Dagster fails the step, in words without the finding and the next step.
            if findings := {name: finding for name, finding in failed_checks(table).items() if name in selected}:
                raise unsound(table, findings, layer, entity.name)

    return checks


def table_check_results(key: dg.AssetKey, table: VerifyResult) -> Iterator[dg.AssetCheckResult]:
    """Return the results of `TABLE_CHECKS` for a cleaned table."""
    outcomes = {
        "schema": (not table.schema_differences, "\n".join(table.schema_differences) or "none"),
        "unique_key": (
            table.duplicate_keys == 0,
            f"{counted(table.duplicate_keys, 'row')} beyond the first of their key",
        ),
        "key_not_null": (table.null_keys == 0, f"{counted(table.null_keys, 'row')} without a key"),
    }
    layer, entity = key.path
    for name, (passed, finding) in outcomes.items():
        step = {} if passed else {"next_step": next_step(name, layer, entity)}
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=passed,
            metadata={"found": finding, "rows": table.rows, **step},
        )
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=COMMITS_CHECK,
        passed=not table.foreign_commits,
        metadata={**_commits_metadata(key, table.foreign_commits), "rows": table.rows},
    )


def commits_evaluation(key: dg.AssetKey, foreign_commits: Sequence[str]) -> dg.AssetCheckEvaluation:
    """Return the result of `COMMITS_CHECK` for a drain, which learned the commits of other writers from cleaning."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=COMMITS_CHECK,
        passed=not foreign_commits,
        metadata={name: dg.MetadataValue.text(text) for name, text in _commits_metadata(key, foreign_commits).items()},
    )


def _commits_metadata(key: dg.AssetKey, foreign_commits: Sequence[str]) -> dict[str, str]:
    if not foreign_commits:
        return {"found": "none"}
    return {
        "found": "\n".join(foreign_commits),
        "next_step": f"The rows of {key.to_user_string()} may differ from the landed objects. Find the writer, "
        f"then rebuild the table: run {_REBUILD[key.path[0]]} with `full_refresh: true`.",
    }


def report_check_result(key: dg.AssetKey, problems: Sequence[str]) -> dg.AssetCheckResult:
    """Return the result of `REPORT_CHECK` for a report table.

    A failure is a warning: as an error it would block the page, which shows the other reports and then fails itself.
    """
    next_step = {"next_step": "Move the table away, then run reports_only: it recreates the table."}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=REPORT_CHECK,
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"found": dg.MetadataValue.text("\n".join(problems) or "none"), **(next_step if problems else {})},
    )


def parity_result(comparison: CompareResult) -> dg.AssetCheckResult:
    """Return whether both routes' tables hold the same keys, each once, with the same values.

    A difference is a warning, because one route may be ahead.
    """
    next_step = {
        "next_step": "Run both drains until nothing waits, then this check. If it fails again, run the job audit."
    }
    return dg.AssetCheckResult(
        passed=comparison.agree,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "only_in_cleaned": comparison.only_left,
            "only_in_cleaned_stream": comparison.only_right,
            "different": comparison.different,
            "duplicates_in_cleaned": comparison.duplicates_left,
            "duplicates_in_cleaned_stream": comparison.duplicates_right,
            "examples": dg.MetadataValue.json(list(comparison.examples)),
            **({} if comparison.agree else next_step),
        },
    )


def _lag_metadata(key: dg.AssetKey, lag_ms: int | None) -> dict[str, float | str]:
    """Return the finding of `LAG_CHECK`, and the next step if it failed."""
    finding = {"problem": _UNKNOWN_LAG} if lag_ms is None else {"lag_seconds": lag_ms / 1000}
    return {**finding, **({} if is_fresh(lag_ms) else _lag_step(key))}


def _lag_step(key: dg.AssetKey) -> dict[str, str]:
    sensor = _BACKLOG_SENSOR[key.path[0]]
    return {"next_step": f"Check that the sensor {sensor} is switched on, then its last tick and run."}


_UNKNOWN_LAG = "The oldest record that waits has no plausible time, or retention has deleted it."


def is_fresh(lag_ms: int | None) -> bool:
    """Return whether a lag is known and at most `LONGEST_LAG_MS`."""
    return lag_ms is not None and lag_ms <= LONGEST_LAG_MS


def lag_result(key: dg.AssetKey, lag_ms: int | None) -> dg.AssetCheckResult:
    """Return the result of `LAG_CHECK` for a run of the check; a lag of None is unknown."""
    return dg.AssetCheckResult(
        passed=is_fresh(lag_ms), severity=dg.AssetCheckSeverity.WARN, metadata=_lag_metadata(key, lag_ms)
    )


def lag_evaluation(key: dg.AssetKey, lag_ms: int | None) -> dg.AssetCheckEvaluation:
    """Return the result of `LAG_CHECK` for a sensor that measured the lag; a lag of None is unknown."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=LAG_CHECK,
        passed=is_fresh(lag_ms),
        severity=dg.AssetCheckSeverity.WARN,
        metadata=_lag_metadata(key, lag_ms),
    )


def unknown_lag_evaluation(key: dg.AssetKey, problem: str) -> dg.AssetCheckEvaluation:
    """Return the result of `LAG_CHECK` for a sensor that could not measure the lag: the table may not be fresh."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=LAG_CHECK,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"problem": problem, **_lag_step(key)},
    )
