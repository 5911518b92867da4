"""The reports of the catalog, and the page that shows them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from pinterest_platform.catalog import REPORT_KEYS, REPORTS
from pinterest_platform.failures import PermanentFailure, joined
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.columns import pii_tags, report_metadata
from pinterest_platform.orchestration.results.reports import page_result, report_results, unwritten_results
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.page import publish_page, refresh_home, unavailable_reports
from pinterest_platform.pipelines.report import report

PAGE = dg.AssetKey(["reports", "page"])


@dg.multi_asset(
    name="reports",
    specs=[
        dg.AssetSpec(
            ["reports", declared.key],
            deps=[dg.AssetKey(["cleaned", entity]) for entity in declared.reads],
            description=f"{declared.meaning} Delta table `{declared.key}`.",
            metadata=report_metadata(declared),
            tags=pii_tags(declared),
            kinds={"deltalake", "pyspark"},
            skippable=True,
        )
        for declared in REPORTS
    ],
    can_subset=True,
)
def reports(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.MaterializeResult]:
    """Recompute the selected reports, and replace those that differ (rule R9).

    If a report cannot be written, the page of the same run shows the others and then fails with the reason; without a
    page, this op fails after the others are written.
    """
    keys = [key for key in REPORT_KEYS if dg.AssetKey(["reports", key]) in context.selected_asset_keys]
    with as_dagster_failure(", ".join(f"reports/{key}" for key in keys)):
        result = report(lakehouse, keys, context.log.info)
        for key, failure in result.failures.items():
            context.log.error(f"reports/{key}: {failure['what']} {failure['action']}")
        yield from report_results(result, lakehouse.settings, lakehouse.lake)
        if result.failures and PAGE not in context.job_def.asset_layer.executable_asset_keys:
            raise joined([PermanentFailure(failure["what"], failure["action"]) for failure in result.failures.values()])
        yield from unwritten_results(result)


@dg.asset(
    key=PAGE,
    deps=[dg.AssetKey(["reports", key]) for key in REPORT_KEYS],
    description="One self-contained HTML file with every report as a table and a chart.",
    tags=pii_tags(*REPORTS),
    kinds={"dashboard", "html"},
)
def page(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """Publish the page, unless the published one has the same fingerprint, and refresh the copy in the home."""
    with as_dagster_failure("reports/page"):
        context.log.info("drawing the page")
        published = publish_page(lakehouse, datetime.now(UTC), context.log.info)
        copy = refresh_home(lakehouse.objects, Path(lakehouse.settings.home), context.log.info)
        result = page_result(published, lakehouse.settings, copy)
        if failure := unavailable_reports(published):
            context.log_event(dg.AssetMaterialization(asset_key=PAGE, metadata=result.metadata))
            raise failure
        return result
