"""Reports on the cleaned tables (rules R1 to R19): the functions to which the catalog refers, and their input."""

from collections.abc import Mapping
from functools import cached_property

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import KEY, Report, ReportColumn, resolve
from pinterest_platform.catalog.columns import AGE_GROUPS
from pinterest_platform.transforms.schemas import REPORT_SCHEMAS

POST_YEARS = (2018, 2022)
JOIN_YEARS = (2015, 2020)
"""First and last year of the reports by post year and by join year (rule R7)."""


class Tables:
    """The cleaned tables, by the name of the entity, and the joins that several reports share.

    Args:
        cleaned: entity to its cleaned table.
    """

    def __init__(self, cleaned: Mapping[str, DataFrame]) -> None:
        self._cleaned = cleaned

    def __getitem__(self, entity: str) -> DataFrame:
        """Return the cleaned table of an entity."""
        return self._cleaned[entity]

    @cached_property
    def placed_posts(self) -> DataFrame:
        """Pin joined with geo: category, poster_name, follower_count, country, post_year."""
        pins = self["pin"].select(KEY, "category", "poster_name", "follower_count")
        places = self["geo"].select(KEY, "country", F.year("timestamp").alias("post_year"))
        return pins.join(places, KEY).drop(KEY)

    @cached_property
    def user_posts(self) -> DataFrame:
        """Pin joined with user: category, follower_count, age, age_group, join_year."""
        pins = self["pin"].select(KEY, "category", "follower_count")
        users = self["user"].select(
            KEY, "age", age_group(F.col("age")).alias("age_group"), F.year("date_joined").alias("join_year")
        )
        return pins.join(users, KEY).drop(KEY)


def report(declared: Report, tables: Tables) -> DataFrame:
    """Compute a report: its columns in order, each cast to its type, and its rows sorted by them (rule R8)."""
    schema = REPORT_SCHEMAS[declared.key]
    rows: DataFrame = resolve(declared.rows)(tables)
    typed = rows.select(*(F.col(field.name).cast(field.dataType) for field in schema.fields))
    return typed.orderBy(*(_sort_key(column) for column in declared.columns))


def age_group(age: Column) -> Column:
    """Return the group of an age; null for other ages and for null (rule R3)."""
    group = F.lit(None).cast("string")
    for name, first, last in AGE_GROUPS:
        group = F.when(age.between(first, last), F.lit(name)).otherwise(group)
    return group


def posts_in_no_age_group(tables: Tables) -> DataFrame:
    """Return one row: the posts without an age (`age_missing`), and those with another age (`age_outside`)."""
    return tables.user_posts.select(
        F.count_if(F.col("age").isNull()).alias("age_missing"),
        F.count_if(F.col("age").isNotNull() & F.col("age_group").isNull()).alias("age_outside"),
    )


def popular_category_by_country(tables: Tables) -> DataFrame:
    """Return the most posted category of each country."""
    return _most_posted(tables.placed_posts, "country")


def posts_by_category_and_year(tables: Tables) -> DataFrame:
    """Count posts by category and year of post."""
    within = tables.placed_posts.where(F.col("post_year").between(*POST_YEARS))
    return _category_counts(within, "post_year")


def top_poster_by_country(tables: Tables) -> DataFrame:
    """Return the poster with the most followers in each country: the maximum over the posts, not the sum."""
    # Posters are compared only if they have the maximum: to group by all posters takes twice as long.
    posts = _posts_of_posters(tables)
    greatest = posts.groupBy("country").agg(F.max("follower_count").alias("follower_count"))
    top_posts = greatest.join(posts, ["country", "follower_count"])
    return top_posts.select("country", "poster_name", "follower_count").distinct()


def top_country_by_followers(tables: Tables) -> DataFrame:
    """Return the one country of the most followed poster; on a tie, the first by name."""
    greatest = F.max("follower_count").alias("follower_count")
    countries = _posts_of_posters(tables).groupBy("country").agg(greatest)
    return countries.orderBy(F.col("follower_count").desc(), F.col("country")).limit(1)


def _posts_of_posters(tables: Tables) -> DataFrame:
    """Return the placed posts with a country, a poster and a follower count."""
    return tables.placed_posts.dropna(subset=["country", "poster_name", "follower_count"])


def popular_category_by_age_group(tables: Tables) -> DataFrame:
    """Return the most posted category of each age group."""
    return _most_posted(tables.user_posts, "age_group")


def median_followers_by_age_group(tables: Tables) -> DataFrame:
    """Return the median follower count over the posts of each age group."""
    return _median_followers(tables.user_posts, "age_group")


def users_joined_by_year(tables: Tables) -> DataFrame:
    """Count distinct users by the year in which they joined; null is a value here."""
    year = F.year("date_joined").alias("join_year")
    users = tables["user"].select("user_name", "age", "date_joined", year).distinct()
    within = users.where(F.col("join_year").between(*JOIN_YEARS))
    return within.groupBy("join_year").agg(F.count(F.lit(1)).alias("number_users_joined"))


def median_followers_by_join_year(tables: Tables) -> DataFrame:
    """Return the median follower count over the posts of each join year."""
    return _median_followers(_joined_within(tables), "join_year")


def median_followers_by_join_year_and_age_group(tables: Tables) -> DataFrame:
    """Return the median follower count over the posts of each age group and join year."""
    return _median_followers(_joined_within(tables), "age_group", "join_year")


def _sort_key(column: ReportColumn) -> Column:
    if not column.values:
        return F.col(column.name)
    rank = F.lit(len(column.values))
    for number, value in enumerate(column.values):
        rank = F.when(F.col(column.name) == value, F.lit(number)).otherwise(rank)
    return rank


def _category_counts(rows: DataFrame, group: str) -> DataFrame:
    complete = rows.dropna(subset=[group, "category"])
    return complete.groupBy(group, "category").agg(F.count(F.lit(1)).alias("category_count"))


def _most_posted(rows: DataFrame, group: str) -> DataFrame:
    return _greatest(_category_counts(rows, group), group, "category_count")


def _greatest(rows: DataFrame, group: str, measure: str) -> DataFrame:
    """Return the rows with the greatest measure of each group, ties included (rule R5)."""
    ranked = rows.withColumn("_rank", F.rank().over(Window.partitionBy(group).orderBy(F.col(measure).desc())))
    return ranked.where("_rank = 1").drop("_rank")


def _joined_within(tables: Tables) -> DataFrame:
    return tables.user_posts.where(F.col("join_year").between(*JOIN_YEARS))


def _median_followers(rows: DataFrame, *groups: str) -> DataFrame:
    complete = rows.dropna(subset=[*groups, "follower_count"])
    # Cast first: the median of whole numbers must not be a whole number.
    return complete.groupBy(*groups).agg(
        F.median(F.col("follower_count").cast("double")).alias("median_follower_count")
    )
