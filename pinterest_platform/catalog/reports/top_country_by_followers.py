"""Country of the most followed poster (rule R14)."""

from pinterest_platform.catalog.charts import CustomChart
from pinterest_platform.catalog.columns import COUNTRY, FOLLOWERS
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="top_country_by_followers",
    order=4,
    title="Country of the most followed poster",
    meaning="The one country in which the most followed poster of all posted; on a tie, the first by name.",
    reads=("pin", "geo"),
    columns=(COUNTRY, FOLLOWERS),
    rows="pinterest_platform.transforms.reports:top_country_by_followers",
    chart=CustomChart(
        draw="pinterest_platform.page.custom_charts:countries_by_followers",
        caption="Countries that share the follower count of their most followed poster, and their share of all "
        "countries: the largest counts.",
        other_reports=("top_poster_by_country",),
    ),
)
