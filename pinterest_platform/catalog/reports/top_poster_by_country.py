"""Most followed poster by country (rule R13)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import COUNTRY, FOLLOWERS, POSTER
from pinterest_platform.catalog.model import Report

REPORT = Report(
    key="top_poster_by_country",
    order=3,
    title="Most followed poster by country",
    meaning="The poster with the most followers among those who posted in each country. Ties are kept.",
    reads=("pin", "geo"),
    columns=(COUNTRY, POSTER, FOLLOWERS),
    rows="pinterest_platform.transforms.reports:top_poster_by_country",
    chart=Chart(
        form="distribution",
        value="follower_count",
        description="Bar chart of the number of rows by follower count.",
        caption="Most followed posters of a country, by their followers.",
    ),
)
