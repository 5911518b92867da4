"""The three cleaned tables (SPEC 6): decoded records to typed rows, and the newest row of each key."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.entities import Entity, Route
from pinterest_platform.schemas import CLEANED, POSITION, SAVE_LOCATION_PREFIX, SENTINELS
from pinterest_platform.transforms import decoding, reading

KEY = "ind"
UNREADABLE = "_unreadable"
"""A struct of booleans, one for each field that is read as a number or time: was it there and unreadable?"""
UNREADABLE_FIELDS: Mapping[Entity, tuple[str, ...]] = {
    Entity.PIN: ("follower_count",),
    Entity.GEO: ("latitude", "longitude", "timestamp"),
    Entity.USER: ("age", "date_joined"),
}


def clean(records: DataFrame, entity: Entity) -> DataFrame:
    """Type and tidy every record that `decoding.decode` made, rejected ones too.

    The columns are those of schemas.CLEANED, then `_unreadable`, `_reason` and `value`, the raw line where there is a
    reason.
    """
    values, flags = _VALUES[entity]()
    values[KEY] = decoding.key(F.col(entity.key_field))
    values[decoding.SOURCE] = F.col(decoding.SOURCE)
    rejected = F.col(decoding.REASON).isNotNull()
    return records.select(
        *(values[name].alias(name) for name in CLEANED[entity].names),
        F.struct(*(flags[name].alias(name) for name in UNREADABLE_FIELDS[entity])).alias(UNREADABLE),
        F.col(decoding.REASON),
        F.when(rejected, F.col(decoding.LINE)).alias(decoding.LINE),
    )


def newest(rows: DataFrame, route: Route = Route.KAFKA) -> DataFrame:
    """One row of each key: the latest by arrival, then partition (shard), then offset (sequence number).

    All three name a row: a topic made anew counts its offsets from 0 again. The winners are found on narrow columns and
    semi-joined back, because sorting whole rows costs several times more.
    """
    part, place = POSITION[route]
    order = ("arrived_at", part, place)
    positions = rows.select(KEY, *(F.col(decoding.SOURCE).getField(name).alias(f"_{name}") for name in order))
    latest_first = Window.partitionBy(KEY).orderBy(*(F.col(f"_{name}").desc() for name in order))
    winners = positions.withColumn("_rank", F.row_number().over(latest_first)).where("_rank = 1").alias("winner")
    return rows.alias("row").join(
        winners,
        (F.col(f"row.{KEY}") == F.col(f"winner.{KEY}"))
        & F.col(f"row.{decoding.SOURCE}.arrived_at").eqNullSafe(F.col("winner._arrived_at"))
        & (F.col(f"row.{decoding.SOURCE}.{part}") == F.col(f"winner._{part}"))
        & (F.col(f"row.{decoding.SOURCE}.{place}") == F.col(f"winner._{place}")),
        "left_semi",
    )


_Values = dict[str, Column]


def _text(name: str) -> Column:
    return reading.text(F.col(name), SENTINELS.get(name, ()))


def _pin() -> tuple[_Values, _Values]:
    followers = _text("follower_count")
    count = reading.follower_count(followers)
    saved = _text("save_location")
    beyond = F.substring(saved, len(SAVE_LOCATION_PREFIX) + 1, 1_000_000_000)
    cut = F.when(saved.startswith(SAVE_LOCATION_PREFIX), beyond).otherwise(saved)
    texts = (
        "unique_id",
        "title",
        "description",
        "poster_name",
        "tag_list",
        "is_image_or_video",
        "image_src",
        "category",
    )
    return (
        {name: _text(name) for name in texts} | {"follower_count": count, "save_location": reading.text(cut)},
        {"follower_count": reading.unreadable(followers, count)},
    )


def _geo() -> tuple[_Values, _Values]:
    texts = {name: _text(name) for name in ("latitude", "longitude", "timestamp")}
    latitude, longitude = reading.degrees(texts["latitude"], 90.0), reading.degrees(texts["longitude"], 180.0)
    values = {"latitude": latitude, "longitude": longitude, "timestamp": reading.timestamp(texts["timestamp"])}
    both = latitude.isNotNull() & longitude.isNotNull()
    return (
        {
            "country": _text("country"),
            "coordinates": F.when(both, F.array(latitude, longitude)),
            "timestamp": values["timestamp"],
        },
        {name: reading.unreadable(texts[name], values[name]) for name in texts},
    )


def _user() -> tuple[_Values, _Values]:
    age_text, joined_text = _text("age"), _text("date_joined")
    age, joined = reading.age(age_text), reading.timestamp(joined_text)
    name = F.concat_ws(" ", _text("first_name"), _text("last_name"))
    return (
        {"user_name": F.when(name != "", name), "age": age, "date_joined": joined},
        {"age": reading.unreadable(age_text, age), "date_joined": reading.unreadable(joined_text, joined)},
    )


_VALUES = {Entity.PIN: _pin, Entity.GEO: _geo, Entity.USER: _user}
