"""Most posted category by country (rule R11)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import CATEGORY, COUNTRY, POSTS
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="popular_category_by_country",
    order=1,
    title="Most posted category by country",
    meaning="The category with the most posts in each country. Ties are kept.",
    reads=("pin", "geo"),
    columns=(COUNTRY, CATEGORY, POSTS),
    rows="pinterest_platform.transforms.reports:popular_category_by_country",
    chart=Chart(
        form="ranked",
        value="category_count",
        labels=("country", "category"),
        description="Bar chart of posts by country and category, the largest first.",
        caption="Posts in the most posted category of a country, and their share of the posts of all rows.",
    ),
)
