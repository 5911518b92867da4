"""Median of followers by year of joining and age group (rule R19)."""

from pinterest_platform.catalog.columns import AGE_GROUP, JOIN_YEAR, MEDIAN
from pinterest_platform.catalog.model import Chart, Report

REPORT = Report(
    key="median_followers_by_join_year_and_age_group",
    order=9,
    title="Median of followers by year of joining and age group",
    meaning="The exact median follower count over all posts, by age group and year of joining from 2015 to 2020.",
    reads=("pin", "user"),
    columns=(AGE_GROUP, JOIN_YEAR, MEDIAN),
    rows="pinterest_platform.transforms.reports:median_followers_by_join_year_and_age_group",
    chart=Chart(
        form="grouped",
        value="median_follower_count",
        labels=("join_year",),
        series="age_group",
        description="Column chart of the median of followers, one group per year of joining, one column per age group.",
        caption="Median follower count, by age group",
    ),
    left_out="pinterest_platform.transforms.reports:posts_in_no_age_group",
)
