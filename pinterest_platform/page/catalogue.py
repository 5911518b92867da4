"""The nine reports as the page shows them: title, meaning, columns, and the chart that fits each (SPEC 7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinterest_platform.page.charts import LABEL_LENGTH, MOST_STACKED, Chart, bars, columns, grouped, line, stacked
from pinterest_platform.page.wording import Kind, clipped, short

MOST_BARS = 12
MOST_TIED = 3

Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report: its name in the table, its heading on the page, what it holds."""

    name: str
    heading: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Report:
    """How one report is shown.

    Args:
        title: its heading.
        meaning: what its rows say, in one sentence.
        columns: what its table shows, in order.
        chart: draws its chart from its own rows and all reports'; called only where there are rows.
        caption: says what the chart shows.
    """

    title: str
    meaning: str
    columns: tuple[Column, ...]
    chart: Callable[[Rows, Mapping[str, Rows]], Chart]
    caption: str


COUNTRY = Column("country", "Country", "text")
CATEGORY = Column("category", "Category", "text")
POSTER = Column("poster_name", "Poster", "text")
AGE_GROUP = Column("age_group", "Age group", "text")
POST_YEAR = Column("post_year", "Year of post", "year")
JOIN_YEAR = Column("join_year", "Year of joining", "year")
POSTS = Column("category_count", "Posts", "count")
FOLLOWERS = Column("follower_count", "Followers", "count")
MEDIAN = Column("median_follower_count", "Median of followers", "median")
JOINED = Column("number_users_joined", "Users who joined", "count")


def _most(rows: Rows, number: str, *names: str) -> list[tuple[str, int]]:
    order = sorted(rows, key=lambda row: (-row[number], *(str(row[name]) for name in names)))
    return [(" · ".join(str(row[name]) for name in names), row[number]) for row in order[:MOST_BARS]]


def _pairs(rows: Rows, name: str, number: str) -> list[tuple[str, int | float | None]]:
    return [(str(row[name]), row[number]) for row in rows]


def _nested(rows: Rows, series: str, group: str, number: str) -> dict[str, dict[str, int | float | None]]:
    nested: dict[str, dict[str, int | float | None]] = {}
    for row in rows:
        nested.setdefault(str(row[series]), {})[str(row[group])] = row[number]
    return nested


def _spoken(values: Sequence[tuple[str, int | float | None]]) -> str:
    return "; ".join(f"{clipped(name, LABEL_LENGTH)}: {short(value) or 'none'}" for name, value in values) + "."


def _categories_by_country(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    values = _most(rows, "category_count", "country", "category")
    return bars(values, f"Bar chart of posts by country and category. {_spoken(values)}")


def _categories_by_year(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    return stacked(
        dict(sorted(_nested(rows, "post_year", "category", "category_count").items())),
        "Stacked bar chart of posts, a bar for each category, a part for each year; the table holds the numbers.",
    )


def _posters_by_country(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    values = _most(rows, "follower_count", "country", "poster_name")
    return bars(values, f"Bar chart of followers by country and poster. {_spoken(values)}")


def _leading_country(rows: Rows, reports: Mapping[str, Rows]) -> Chart:
    best = {row["country"]: row["follower_count"] for row in reports["top_poster_by_country"]}
    for row in rows:
        best.pop(row["country"], None)
    others = _most([{"country": name, "followers": count} for name, count in best.items()], "followers", "country")
    values = [*_most(rows, "follower_count", "country"), *others][: MOST_BARS - 2]
    return bars(
        values, f"Bar chart of the most followers that a poster has, by country. {_spoken(values)}", leader=True
    )


def _categories_by_age(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    groups: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        name = f"{row['age_group']} · {row['category']}"
        groups.setdefault(str(row["age_group"]), []).append((name, row["category_count"]))
    values = [value for group in groups.values() for value in group[:MOST_TIED]]
    return bars(values, f"Bar chart of posts by age group and category. {_spoken(values)}")


def _median_by_age(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    values = _pairs(rows, "age_group", "median_follower_count")
    return columns(values, f"Column chart of the median of followers by age group. {_spoken(values)}")


def _joined_by_year(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    values = _pairs(rows, "join_year", "number_users_joined")
    return columns(values, f"Column chart of users who joined, by year. {_spoken(values)}")


def _median_by_year(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    values = _pairs(rows, "join_year", "median_follower_count")
    return line(values, f"Line chart of the median of followers by year of joining. {_spoken(values)}")


def _median_by_both(rows: Rows, _: Mapping[str, Rows]) -> Chart:
    return grouped(
        _nested(rows, "age_group", "join_year", "median_follower_count"),
        "Column chart of the median of followers, a group for each year of joining, a column for each age group; "
        "the table holds the numbers.",
    )


CATALOGUE: dict[str, Report] = {
    "popular_category_by_country": Report(
        "Most posted category by country",
        "The category, or categories where several tie, in which most posts were made in each country.",
        (COUNTRY, CATEGORY, POSTS),
        _categories_by_country,
        f"Posts in a country's most posted category; the {MOST_BARS} highest",
    ),
    "posts_by_category_and_year": Report(
        "Posts by category and year",
        "How many posts each category got in each year from 2018 to 2022.",
        (POST_YEAR, CATEGORY, POSTS),
        _categories_by_year,
        f"Posts of each category, by year of post; at most the {MOST_STACKED} largest categories",
    ),
    "top_poster_by_country": Report(
        "Most followed poster by country",
        "The poster, or posters where several tie, with most followers among those who posted in each country.",
        (COUNTRY, POSTER, FOLLOWERS),
        _posters_by_country,
        f"Followers of a country's most followed poster; the {MOST_BARS} highest",
    ),
    "top_country_by_followers": Report(
        "Country of the most followed poster",
        "The one country in which the most followed poster of all posted, the first by alphabet on a tie.",
        (COUNTRY, FOLLOWERS),
        _leading_country,
        "Followers of the most followed poster: the leading country, and those that come next",
    ),
    "popular_category_by_age_group": Report(
        "Most posted category by age group",
        "The category, or categories where several tie, in which users of each age group made most posts.",
        (AGE_GROUP, CATEGORY, POSTS),
        _categories_by_age,
        f"Posts in an age group's most posted category; up to {MOST_TIED} where several tie",
    ),
    "median_followers_by_age_group": Report(
        "Median of followers by age group",
        "The exact median of follower counts over all posts of users of each age group.",
        (AGE_GROUP, MEDIAN),
        _median_by_age,
        "Median of follower counts",
    ),
    "users_joined_by_year": Report(
        "Users who joined by year",
        "How many distinct persons joined in each year from 2015 to 2020.",
        (JOIN_YEAR, JOINED),
        _joined_by_year,
        "Distinct users by year of joining",
    ),
    "median_followers_by_join_year": Report(
        "Median of followers by year of joining",
        "The exact median of follower counts over all posts of users who joined in each year from 2015 to 2020.",
        (JOIN_YEAR, MEDIAN),
        _median_by_year,
        "Median of follower counts",
    ),
    "median_followers_by_join_year_and_age_group": Report(
        "Median of followers by year of joining and age group",
        "The exact median of follower counts over all posts, for each age group and year of joining from 2015 to 2020.",
        (AGE_GROUP, JOIN_YEAR, MEDIAN),
        _median_by_both,
        "Median of follower counts, by age group",
    ),
}
"""By report key, in the order in which SPEC 7 lists them."""
