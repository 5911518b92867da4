"""Results of checks that list what they found, and say it in the run's log, too."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

LONGEST = 20
"""Problems that the log lists one by one; the check's metadata lists all of them."""


def check_result(
    check: str,
    problems: Sequence[str],
    *,
    key: dg.AssetKey | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetCheckResult:
    """A check that passed if there is no problem; every problem is logged as an error, as Dagster logs none of them.

    Args:
        check: the check's name.
        problems: what was found, one line each.
        key: the asset, where the result does not stand in its own materialization.
        metadata: what else the result tells.
    """
    log = dg.get_dagster_logger()
    for problem in problems[:LONGEST]:
        log.error(f"{check}: {problem}")
    if len(problems) > LONGEST:
        log.error(f"{check}: {len(problems) - LONGEST} more in the check's metadata")
    told = dg.MetadataValue.text("\n".join(problems) or "none")
    return dg.AssetCheckResult(
        asset_key=key, check_name=check, passed=not problems, metadata={"problems": told, **(metadata or {})}
    )
