"""Posts by category and year (rule R12)."""

from pinterest_platform.catalog.columns import CATEGORY, POST_YEAR, POSTS
from pinterest_platform.catalog.model import MOST_STACKED, Chart, Report

REPORT = Report(
    key="posts_by_category_and_year",
    order=2,
    title="Posts by category and year",
    meaning="The number of posts in each category and year from 2018 to 2022.",
    reads=("pin", "geo"),
    columns=(POST_YEAR, CATEGORY, POSTS),
    rows="pinterest_platform.transforms.reports:posts_by_category_and_year",
    chart=Chart(
        form="stacked",
        value="category_count",
        labels=("category",),
        series="post_year",
        description="Stacked bar chart of posts, one bar per category, one part per year.",
        caption=f"Posts of each category by year of post; at most the {MOST_STACKED} largest categories",
    ),
)
