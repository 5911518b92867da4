"""The nine reports of SPEC 7, and the page that shows them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from pinterest_platform.catalog import REPORT_KEYS, REPORT_SOURCES
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.reports import page_result, report_results
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.report import publish_page, report
from pinterest_platform.ports import Lake, SparkEngine
from pinterest_platform.settings import Settings

MEANINGS = {
    "popular_category_by_country": "The most posted category of each country; ties are kept.",
    "posts_by_category_and_year": "Posts of each category in each year of posting, 2018-2022.",
    "top_poster_by_country": "The poster with the most followers of each country; ties are kept.",
    "top_country_by_followers": "The country of the most followed poster.",
    "popular_category_by_age_group": "The most posted category of each age group; ties are kept.",
    "median_followers_by_age_group": "The exact median of followers over the posts of each age group.",
    "users_joined_by_year": "Distinct persons by the year in which they joined, 2015-2020.",
    "median_followers_by_join_year": "The exact median of followers over posts, by the year of joining.",
    "median_followers_by_join_year_and_age_group": "The exact median of followers over posts, by both.",
}


@dg.multi_asset(
    name="reports",
    specs=[
        dg.AssetSpec(
            ["reports", key],
            deps=[dg.AssetKey(["cleaned", entity.name]) for entity in sources],
            description=MEANINGS[key],
            kinds={"deltalake", "pyspark"},
            skippable=True,
        )
        for key, sources in REPORT_SOURCES.items()
    ],
    can_subset=True,
)
def reports(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    lake: dg.ResourceParam[Lake],
    engine: dg.ResourceParam[SparkEngine],
) -> Iterator[dg.MaterializeResult]:
    """Recompute the selected reports, and replace those that differ."""
    keys = [key for key in REPORT_KEYS if dg.AssetKey(["reports", key]) in context.selected_asset_keys]
    with as_dagster_failure(", ".join(f"reports/{key}" for key in keys)):
        yield from report_results(report(settings, engine, keys, context.log.info), settings, lake)


@dg.asset(
    key=["reports", "page"],
    deps=[dg.AssetKey(["reports", key]) for key in REPORT_KEYS],
    description="One self-contained HTML file: the nine reports as tables and charts.",
    kinds={"html"},
)
def page(
    context: dg.AssetExecutionContext,
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.MaterializeResult:
    """Publish the page, unless the same one already stands there."""
    with as_dagster_failure("reports/page"):
        return page_result(publish_page(lakehouse, datetime.now(UTC), context.log.info))
