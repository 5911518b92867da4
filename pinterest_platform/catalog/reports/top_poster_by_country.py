"""Most followed poster by country (rule R13)."""

from pinterest_platform.catalog.columns import COUNTRY, FOLLOWERS, POSTER
from pinterest_platform.catalog.model import MOST_BARS, Chart, Report

REPORT = Report(
    key="top_poster_by_country",
    order=3,
    title="Most followed poster by country",
    meaning="The poster with the most followers among those who posted in each country. Ties are kept.",
    reads=("pin", "geo"),
    columns=(COUNTRY, POSTER, FOLLOWERS),
    rows="pinterest_platform.transforms.reports:top_poster_by_country",
    chart=Chart(
        form="bars",
        value="follower_count",
        labels=("country", "poster_name"),
        description="Bar chart of followers by country and poster.",
        caption=f"Followers of the most followed poster of a country; the {MOST_BARS} largest",
    ),
)
