"""Median of followers by year of joining and age group (rule R19)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import AGE_GROUP, JOIN_YEAR, MEDIAN
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="median_followers_by_join_year_and_age_group",
    order=9,
    title="Median of followers by year of joining and age group",
    meaning="The exact median follower count over all posts, by age group and year of joining.",
    reads=("pin", "user"),
    columns=(AGE_GROUP, JOIN_YEAR, MEDIAN),
    rows="pinterest_platform.transforms.reports:median_followers_by_join_year_and_age_group",
    chart=Chart(
        form="heatmap",
        value="median_follower_count",
        labels=("age_group",),
        across="join_year",
        description="Heat map of the median of followers: a line for each age group, a column for each year.",
        caption="Median follower count of each age group by year of joining.",
    ),
    left_out="pinterest_platform.transforms.reports:posts_in_no_age_group",
)
