"""Posts by category and year (rule R12)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import CATEGORY, POST_YEAR, POSTS
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="posts_by_category_and_year",
    order=2,
    title="Posts by category and year",
    meaning="The number of posts in each category and year.",
    reads=("pin", "geo"),
    columns=(POST_YEAR, CATEGORY, POSTS),
    rows="pinterest_platform.transforms.reports:posts_by_category_and_year",
    chart=Chart(
        form="heatmap",
        value="category_count",
        labels=("category",),
        across="post_year",
        description="Heat map of posts: a line for each category, a column for each year.",
        caption="Posts of each category by year of post.",
    ),
)
