"""The checks of the reports; the page shows only those that pass (rule D9)."""

from collections.abc import Iterator

import dagster as dg

from pinterest_platform.catalog import REPORT_KEYS, report_with_key
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.table_checks import REPORT_CHECK, report_check_result
from pinterest_platform.pipelines.report import readable_problems
from pinterest_platform.ports import Lake
from pinterest_platform.settings import Settings


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            REPORT_CHECK,
            asset=dg.AssetKey(["reports", key]),
            description="The columns are those of the report, no group occurs twice, nothing is null.",
            blocking=True,
        )
        for key in REPORT_KEYS
    ],
    can_subset=True,
)
def reports_are_sound(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    lake: dg.ResourceParam[Lake],
) -> Iterator[dg.AssetCheckResult]:
    """Check the tables of the selected reports."""
    for check in sorted(context.selected_asset_check_keys):
        key = check.asset_key.path[-1]
        with as_dagster_failure(check.asset_key.to_user_string()):
            uri, columns = settings.names.report_uri(key), report_with_key(key).column_types
            yield report_check_result(check.asset_key, readable_problems(lake, uri, columns)[0])
