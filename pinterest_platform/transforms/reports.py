"""The nine reports (SPEC 7), each computed from the cleaned tables; ties are kept and rows come ordered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.schemas import AGE_GROUPS, REPORTS
from pinterest_platform.transforms.cleaning import KEY

POST_YEARS = (2018, 2022)
JOIN_YEARS = (2015, 2020)
"""First and last year that the reports by post year and by join year cover (SPEC 7)."""


@dataclass(frozen=True, slots=True)
class Posts:
    """What the reports read.

    Attributes:
        placed: pin joined with geo: category, poster_name, follower_count, country, post_year.
        joined: pin joined with user: category, follower_count, age, age_group, join_year.
        users: the cleaned user table.
    """

    placed: DataFrame
    joined: DataFrame
    users: DataFrame


def posts(pin: DataFrame, geo: DataFrame, user: DataFrame) -> Posts:
    """Join the cleaned tables on their key, on the columns alone that reports need."""
    pins = pin.select(KEY, "category", "poster_name", "follower_count")
    places = geo.select(KEY, "country", F.year("timestamp").alias("post_year"))
    people = user.select(
        KEY, "age", age_group(F.col("age")).alias("age_group"), F.year("date_joined").alias("join_year")
    )
    return Posts(
        placed=pins.join(places, KEY).drop(KEY),
        joined=pins.drop("poster_name").join(people, KEY).drop(KEY),
        users=user,
    )


def age_group(age: Column) -> Column:
    """The group an age falls into; null for other ages and for none."""
    group = F.lit(None).cast("string")
    for name, first, last in AGE_GROUPS:
        group = F.when(age.between(first, last), F.lit(name)).otherwise(group)
    return group


def left_out(source: Posts) -> DataFrame:
    """One row: how many posts are in no age group, for want of an age (`age_missing`) or by it (`age_outside`)."""
    return source.joined.select(
        F.count_if(F.col("age").isNull()).alias("age_missing"),
        F.count_if(F.col("age").isNotNull() & F.col("age_group").isNull()).alias("age_outside"),
    )


def popular_category_by_country(source: Posts) -> DataFrame:
    """Most posted category of each country."""
    return _most_posted(source.placed, "country")


def posts_by_category_and_year(source: Posts) -> DataFrame:
    """Posts per category and year of the post, 2018-2022."""
    within = source.placed.where(F.col("post_year").between(*POST_YEARS))
    return _category_counts(within, "post_year")


def top_poster_by_country(source: Posts) -> DataFrame:
    """The poster with most followers in each country: the greatest count seen, not a sum over posts."""
    known = source.placed.dropna(subset=["country", "poster_name", "follower_count"])
    best = known.groupBy("country", "poster_name").agg(F.max("follower_count").alias("follower_count"))
    return _greatest(best, "country", "follower_count")


def top_country_by_followers(source: Posts) -> DataFrame:
    """The one country of the most followed poster, the first by name on a tie."""
    best = top_poster_by_country(source).select("country", "follower_count")
    return best.orderBy(F.col("follower_count").desc(), F.col("country")).limit(1)


def popular_category_by_age_group(source: Posts) -> DataFrame:
    """Most posted category of each age group."""
    return _most_posted(source.joined, "age_group")


def median_followers_by_age_group(source: Posts) -> DataFrame:
    """Median follower count over the posts of each age group."""
    return _median_followers(source.joined, "age_group")


def users_joined_by_year(source: Posts) -> DataFrame:
    """Distinct persons by the year they joined, 2015-2020; null counts as a value."""
    year = F.year("date_joined").alias("join_year")
    persons = source.users.select("user_name", "age", "date_joined", year).distinct()
    within = persons.where(F.col("join_year").between(*JOIN_YEARS))
    return within.groupBy("join_year").agg(F.count(F.lit(1)).alias("number_users_joined"))


def median_followers_by_join_year(source: Posts) -> DataFrame:
    """Median follower count over the posts of those who joined in each year, 2015-2020."""
    return _median_followers(_joined_within(source), "join_year")


def median_followers_by_join_year_and_age_group(source: Posts) -> DataFrame:
    """The same by age group and year."""
    return _median_followers(_joined_within(source), "age_group", "join_year")


def report(key: str, source: Posts) -> DataFrame:
    """A report by its key, typed as schemas.REPORTS says and ordered by its columns as listed."""
    schema = REPORTS[key]
    typed = _REPORTS[key](source).select(*(F.col(field.name).cast(field.dataType) for field in schema.fields))
    return typed.orderBy(*(_reading_order(name) for name in schema.names))


def _reading_order(name: str) -> Column:
    if name != "age_group":
        return F.col(name)
    place = F.lit(len(AGE_GROUPS))
    for number, (group, _, _) in enumerate(AGE_GROUPS):
        place = F.when(F.col(name) == group, F.lit(number)).otherwise(place)
    return place


def _category_counts(rows: DataFrame, group: str) -> DataFrame:
    known = rows.dropna(subset=[group, "category"])
    return known.groupBy(group, "category").agg(F.count(F.lit(1)).alias("category_count"))


def _most_posted(rows: DataFrame, group: str) -> DataFrame:
    return _greatest(_category_counts(rows, group), group, "category_count")


def _greatest(rows: DataFrame, group: str, measure: str) -> DataFrame:
    """The rows of each group whose measure is the group's greatest, ties included."""
    ranked = rows.withColumn("_rank", F.rank().over(Window.partitionBy(group).orderBy(F.col(measure).desc())))
    return ranked.where("_rank = 1").drop("_rank")


def _joined_within(source: Posts) -> DataFrame:
    return source.joined.where(F.col("join_year").between(*JOIN_YEARS))


def _median_followers(rows: DataFrame, *groups: str) -> DataFrame:
    known = rows.dropna(subset=[*groups, "follower_count"])
    # Cast first: the median of whole numbers must not be a whole number.
    return known.groupBy(*groups).agg(F.median(F.col("follower_count").cast("double")).alias("median_follower_count"))


_REPORTS: Mapping[str, Callable[[Posts], DataFrame]] = {
    function.__name__: function
    for function in (
        popular_category_by_country,
        posts_by_category_and_year,
        top_poster_by_country,
        top_country_by_followers,
        popular_category_by_age_group,
        median_followers_by_age_group,
        users_joined_by_year,
        median_followers_by_join_year,
        median_followers_by_join_year_and_age_group,
    )
}
