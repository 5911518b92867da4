"""Results of checks that list their problems, also in the run's log."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

LONGEST_LOG = 20
"""Most problems that are logged one by one; the check's metadata lists all of them."""


def check_result(
    check: str,
    problems: Sequence[str],
    next_step: str,
    *,
    key: dg.AssetKey | None = None,
    metadata: Mapping[str, Any] | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Return a check that passes without problems, and log problems and next step: Dagster itself logs none.

    Six parameters, because they are those of Dagster's AssetCheckResult, with problems and next step for `passed`.

    Args:
        check: the check's name.
        problems: one line each.
        next_step: what to do about the problems; only a failed check shows it.
        key: the asset, unless the result belongs to its materialization.
        metadata: further metadata.
        severity: the severity of the check, and of its problems in the log.
    """
    logger = dg.get_dagster_logger()
    log = logger.error if severity is dg.AssetCheckSeverity.ERROR else logger.warning
    for problem in problems[:LONGEST_LOG]:
        log(f"{check}: {problem}")
    if len(problems) > LONGEST_LOG:
        log(f"{check}: {len(problems) - LONGEST_LOG} more in the check's metadata")
    if problems:
        logger.info(f"{check}, next step: {next_step}")
    listed = {"problems": dg.MetadataValue.text("\n".join(problems) or "none")}
    action = {"next_step": next_step} if problems else {}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check,
        passed=not problems,
        severity=severity,
        metadata={**listed, **action, **(metadata or {})},
    )
