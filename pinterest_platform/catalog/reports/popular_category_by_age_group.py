"""Most posted category by age group (rule R15)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import AGE_GROUP, CATEGORY, POSTS
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="popular_category_by_age_group",
    order=5,
    title="Most posted category by age group",
    meaning="The category with the most posts by users of each age group. Ties are kept.",
    reads=("pin", "user"),
    columns=(AGE_GROUP, CATEGORY, POSTS),
    rows="pinterest_platform.transforms.reports:popular_category_by_age_group",
    chart=Chart(
        form="bars",
        value="category_count",
        labels=("age_group", "category"),
        ties=3,
        description="Bar chart of posts by age group and category.",
        caption="Posts in the most posted category of an age group.",
    ),
    left_out="pinterest_platform.transforms.reports:posts_in_no_age_group",
)
