"""Median of followers by age group (rule R16)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import AGE_GROUP, MEDIAN
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="median_followers_by_age_group",
    order=6,
    title="Median of followers by age group",
    meaning="The exact median follower count over all posts by users of each age group.",
    reads=("pin", "user"),
    columns=(AGE_GROUP, MEDIAN),
    rows="pinterest_platform.transforms.reports:median_followers_by_age_group",
    chart=Chart(
        form="columns",
        value="median_follower_count",
        labels=("age_group",),
        description="Column chart of the median of followers by age group.",
        caption="Median follower count.",
    ),
    left_out="pinterest_platform.transforms.reports:posts_in_no_age_group",
)
