"""Rows and facts for tests of the page, ordinary and hostile ones, and a parser of the page."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from pinterest_platform.page import PageFacts, TableVersion, TimeRange

HOSTILE = (
    "<script>window.stolen = 1</script>",
    '"><img src=http://198.51.100.7/x onerror="window.stolen = 1">',
    "'); </style></title></svg><script>window.stolen = 1</script>",
    "{{ 7 * 7 }} {% raw %} ]]> <!-- ${x} \\u0000",
    "\u202egnp.exe\u2066 \u200f שלום",
    "\x00\x08\x1b[31m\x7f\ud800",
    "🧑‍🚀 𝔘𝔫𝔦 \U0001f1e6\U0001f1f1 é e\u0301",
    "東京" * 40,
    "javascript:window.stolen=1//" + "W" * 500,
)

TYPES: dict[str, type] = {
    "country": str, "category": str, "poster_name": str, "age_group": str,
    "post_year": int, "join_year": int, "category_count": int, "follower_count": int,
    "number_users_joined": int, "median_follower_count": float,
}  # fmt: skip


def facts(**changes: Any) -> PageFacts:
    """Return facts of a page, some of them changed."""
    values: dict[str, Any] = {
        "generated_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "ranges": (
            TimeRange("Posts made", datetime(2017, 10, 2, tzinfo=UTC), datetime(2022, 10, 30, 12, 1, 2, tzinfo=UTC)),
            TimeRange("Users joined", datetime(2015, 10, 21, tzinfo=UTC), datetime(2017, 10, 5, tzinfo=UTC)),
        ),
        "tables": (TableVersion("cleaned/pin", 3, 11154), TableVersion("reports/users_joined_by_year", 1, 3)),
    }
    return PageFacts(**(values | changes))


def ordinary() -> dict[str, list[dict[str, Any]]]:
    """Return reports as a run computes them, with more rows than a chart shows."""
    countries = [f"Country {number:03}" for number in range(242)]
    groups, categories, years = ("18-24", "25-35", "36-50", "+50"), ("art", "beauty", "travel"), (2015, 2016, 2017)
    return {
        "popular_category_by_country": [
            {"country": name, "category": "art", "category_count": 1000 + at} for at, name in enumerate(countries)
        ],
        "posts_by_category_and_year": [
            {"post_year": year, "category": category, "category_count": 7}
            for year in range(2018, 2023)
            for category in categories
        ],
        "top_poster_by_country": [
            {"country": name, "poster_name": f"Poster {at}", "follower_count": at * 50_000}
            for at, name in enumerate(countries)
        ],
        "top_country_by_followers": [{"country": "Country 241", "follower_count": 12_050_000}],
        "popular_category_by_age_group": [
            {"age_group": group, "category": category, "category_count": 5}
            for group in groups
            for category in categories[:2]
        ],
        "median_followers_by_age_group": [{"age_group": group, "median_follower_count": 42_500.5} for group in groups],
        "users_joined_by_year": [{"join_year": year, "number_users_joined": 608} for year in years],
        "median_followers_by_join_year": [{"join_year": year, "median_follower_count": 19_000.0} for year in years],
        "median_followers_by_join_year_and_age_group": [
            {"age_group": group, "join_year": year, "median_follower_count": 8.0} for group in groups for year in years
        ],
    }


def hostile() -> dict[str, list[dict[str, Any]]]:
    """Return the same reports with hostile texts in every text column."""
    return {
        key: [
            {name: HOSTILE[at % len(HOSTILE)] if TYPES[name] is str else value for name, value in row.items()}
            for at, row in enumerate(rows)
        ]
        for key, rows in ordinary().items()
    }


class Page(HTMLParser):
    """The tags and attributes of a page, and the cells of the table of each report.

    Args:
        html: the page.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: dict[str, list[list[str]]] = {}
        self._report: str | None = None
        self._in_cell = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self._report = dict(attrs).get("data-report")
            self.cells.setdefault(self._report or "", [])
        elif tag == "td":
            self._in_cell = True
            self.cells[self._report or ""][-1].append("")
        elif tag == "tr":
            self.cells[self._report or ""].append([])

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[self._report or ""][-1][-1] += data

    def rows(self, report: str) -> list[list[str]]:
        """Return the body rows of the table of a report."""
        return [row for row in self.cells.get(report, []) if row]

    def count(self, tag: str, **attributes: str) -> int:
        """Count the elements with this tag and these attributes."""
        return sum(name == tag and attributes.items() <= present.items() for name, present in self.tags)
