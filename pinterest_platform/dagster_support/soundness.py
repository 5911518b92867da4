"""Blocking checks: what must hold of a table before anything is built on it."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from pinterest_platform.spark_jobs.parameters import CompareResult, VerifyResult

TABLE_CHECKS: Mapping[str, str] = {
    "schema": "The columns are the ones of SPEC 6, in order, with their types.",
    "unique_key": "No `ind` stands twice.",
    "key_not_null": "Every row has its `ind`.",
}

REPORT_CHECK = "sound"

LONGEST_LAG_MS = 60_000
"""An idle stream has no lag: only records that wait count."""


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
    """Whether both routes' tables hold the same keys with the same values; WARN, as one route may be ahead."""
    return dg.AssetCheckResult(
        passed=found.agree,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "only_in_cleaned": found.only_left,
            "only_in_cleaned_stream": found.only_right,
            "different": found.different,
            "examples": dg.MetadataValue.json(list(found.examples)),
        },
    )


def lag_result(lag_ms: int) -> dg.AssetCheckResult:
    """Whether the oldest record that is not landed yet has waited for less than `LONGEST_LAG_MS`."""
    return dg.AssetCheckResult(
        passed=lag_ms <= LONGEST_LAG_MS, severity=dg.AssetCheckSeverity.WARN, metadata={"lag_seconds": lag_ms / 1000}
    )
