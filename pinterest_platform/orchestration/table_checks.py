"""Blocking checks: what must hold of a table before anything is built on it."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.pipelines.audit import inspect
from pinterest_platform.ports import SparkEngine
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import CompareResult, VerifyResult

TABLE_CHECKS: Mapping[str, str] = {
    "schema": "The columns are the ones that cleaning writes, in order, with their types.",
    "unique_key": "No `ind` stands twice.",
    "key_not_null": "Every row has its `ind`.",
}

REPORT_CHECK = "sound"

LAG_CHECK = "fresh"

LONGEST_LAG_MS = 60_000
"""An idle stream has no lag: only records that wait count."""


def sound_table(layer: str, entity: Entity, route: Route) -> dg.AssetChecksDefinition:
    """The blocking checks of a cleaned table: `TABLE_CHECKS`, by one look at it.

    Args:
        layer: the first part of the table's asset key.
        entity: the second one.
        route: whose table it is.
    """
    key = dg.AssetKey([layer, entity.name])

    @dg.multi_asset_check(
        name=f"{layer}_{entity.name}_is_sound",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=meaning, blocking=True)
            for name, meaning in TABLE_CHECKS.items()
        ],
    )
    def sound(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        engine: dg.ResourceParam[SparkEngine],
    ) -> Iterator[dg.AssetCheckResult]:
        with as_dagster_failure(key.to_user_string()):
            yield from cleaned_soundness(key, inspect(entity, route, settings, engine, context.log.info))

    return sound


def cleaned_soundness(key: dg.AssetKey, found: VerifyResult) -> Iterator[dg.AssetCheckResult]:
    """The results of `TABLE_CHECKS` for a cleaned table."""
    judged = {
        "schema": (not found.schema_differences, "\n".join(found.schema_differences) or "none"),
        "unique_key": (found.duplicate_keys == 0, f"{found.duplicate_keys} rows beyond the first of their key"),
        "key_not_null": (found.null_keys == 0, f"{found.null_keys} rows without a key"),
    }
    for name, (passed, finding) in judged.items():
        yield dg.AssetCheckResult(
            asset_key=key, check_name=name, passed=passed, metadata={"found": finding, "rows": found.rows}
        )


def report_soundness(key: dg.AssetKey, problems: Sequence[str]) -> dg.AssetCheckResult:
    """The result of `REPORT_CHECK` for a report table."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=REPORT_CHECK,
        passed=not problems,
        metadata={"found": dg.MetadataValue.text("\n".join(problems) or "none")},
    )


def parity_result(found: CompareResult) -> dg.AssetCheckResult:
    """Whether both routes' tables hold the same keys, each once, with the same values.

    It is a warning, as one route may be ahead.
    """
    return dg.AssetCheckResult(
        passed=found.agree,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "only_in_cleaned": found.only_left,
            "only_in_cleaned_stream": found.only_right,
            "different": found.different,
            "duplicates_in_cleaned": found.duplicates_left,
            "duplicates_in_cleaned_stream": found.duplicates_right,
            "examples": dg.MetadataValue.json(list(found.examples)),
        },
    )


def is_fresh(lag_ms: int) -> bool:
    """Whether the oldest record that its table lacks has waited for no longer than `LONGEST_LAG_MS`."""
    return lag_ms <= LONGEST_LAG_MS


def lag_result(lag_ms: int) -> dg.AssetCheckResult:
    """The result of `LAG_CHECK` where somebody runs it."""
    return dg.AssetCheckResult(
        passed=is_fresh(lag_ms), severity=dg.AssetCheckSeverity.WARN, metadata={"lag_seconds": lag_ms / 1000}
    )


def lag_seen(key: dg.AssetKey, lag_ms: int) -> dg.AssetCheckEvaluation:
    """The result of `LAG_CHECK` where a sensor sees the lag."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=LAG_CHECK,
        passed=is_fresh(lag_ms),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"lag_seconds": lag_ms / 1000},
    )


def lag_unknown(key: dg.AssetKey, problem: str) -> dg.AssetCheckEvaluation:
    """The result of `LAG_CHECK` where a sensor cannot tell the lag: nobody can say that the table is fresh."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=LAG_CHECK,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"problem": problem},
    )
