"""Median of followers by year of joining (rule R18)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import JOIN_YEAR, MEDIAN
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="median_followers_by_join_year",
    order=8,
    title="Median of followers by year of joining",
    meaning="The exact median follower count over all posts by users who joined in each year.",
    reads=("pin", "user"),
    columns=(JOIN_YEAR, MEDIAN),
    rows="pinterest_platform.transforms.reports:median_followers_by_join_year",
    chart=Chart(
        form="columns",
        value="median_follower_count",
        labels=("join_year",),
        description="Column chart of the median of followers by year of joining.",
        caption="Median follower count.",
    ),
)
