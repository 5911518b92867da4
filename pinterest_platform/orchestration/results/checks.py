"""Results of checks that list their problems, also in the run's log."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

LONGEST_LOG = 20
"""Most problems that are logged one by one; the check's metadata lists all of them."""


def check_result(
    check: str,
    problems: Sequence[str],
    *,
    key: dg.AssetKey | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetCheckResult:
    """Return a check that passes without problems, and log every problem as an error: Dagster itself logs none.

    Args:
        check: the check's name.
        problems: one line each.
        key: the asset, unless the result belongs to its materialization.
        metadata: further metadata.
    """
    log = dg.get_dagster_logger()
    for problem in problems[:LONGEST_LOG]:
        log.error(f"{check}: {problem}")
    if len(problems) > LONGEST_LOG:
        log.error(f"{check}: {len(problems) - LONGEST_LOG} more in the check's metadata")
    listed = dg.MetadataValue.text("\n".join(problems) or "none")
    return dg.AssetCheckResult(
        asset_key=key, check_name=check, passed=not problems, metadata={"problems": listed, **(metadata or {})}
    )
