"""The three cleaned tables (SPEC 6): decoded records to typed rows, and the newest row of each key."""

from collections.abc import Callable, Mapping
from functools import partial

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import GEO, PIN, USER, Entity, Route
from pinterest_platform.schemas import CLEANED, POSITION, RAW_FIELDS, SAVE_LOCATION_PREFIX, SENTINELS
from pinterest_platform.transforms import decoding, reading

KEY = "ind"
UNREADABLE = "_unreadable"
"""A struct of booleans, one for each field that is read as a number or time: was it there and unreadable?"""
UNREADABLE_FIELDS: Mapping[Entity, tuple[str, ...]] = {
    PIN: ("follower_count",),
    GEO: ("latitude", "longitude", "timestamp"),
    USER: ("age", "date_joined"),
}


def clean(records: DataFrame, entity: Entity) -> DataFrame:
    """Type and tidy every record that `decoding.decode` made, rejected ones too.

    The columns are those of schemas.CLEANED, then `_unreadable`, `_reason` and `value`, the raw line where there is a
    reason. Each step stands on the columns of the one before: as one expression it would take thrice as long to plan.
    """
    rejected = F.col(decoding.REASON).isNotNull()
    texts = [name for name in RAW_FIELDS[entity] if name not in (entity.key_field, *_UNUSED)]
    tidied = records.select(
        decoding.key(F.col(entity.key_field)).alias(KEY),
        *(reading.text(F.col(name), SENTINELS.get(name, ())).alias(name) for name in texts),
        decoding.SOURCE,
        decoding.REASON,
        F.when(rejected, F.col(decoding.LINE)).alias(decoding.LINE),
    )
    readers = _READERS[entity]
    read = tidied.select("*", *(reader(F.col(name)).alias(_read(name)) for name, reader in readers.items()))
    values = {name: F.col(_read(name)) for name in readers} | {name: make() for name, make in _MADE[entity].items()}
    flags = {name: reading.unreadable(F.col(name), F.col(_read(name))) for name in UNREADABLE_FIELDS[entity]}
    return read.select(
        *(values.get(name, F.col(name)).alias(name) for name in CLEANED[entity].names),
        F.struct(*(flag.alias(name) for name, flag in flags.items())).alias(UNREADABLE),
        decoding.REASON,
        decoding.LINE,
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


def _read(name: str) -> str:
    """The column of what was read from the text in a field."""
    return f"_read_{name}"


def _saved(text: Column) -> Column:
    beyond = F.substring(text, len(SAVE_LOCATION_PREFIX) + 1, 1_000_000_000)
    return reading.text(F.when(text.startswith(SAVE_LOCATION_PREFIX), beyond).otherwise(text))


def _coordinates() -> Column:
    latitude, longitude = F.col(_read("latitude")), F.col(_read("longitude"))
    return F.when(latitude.isNotNull() & longitude.isNotNull(), F.array(latitude, longitude))


def _user_name() -> Column:
    name = F.concat_ws(" ", "first_name", "last_name")
    return F.when(name != "", name)


_UNUSED = ("downloaded",)
_READERS: Mapping[Entity, Mapping[str, Callable[[Column], Column]]] = {
    PIN: {"follower_count": reading.follower_count, "save_location": _saved},
    GEO: {
        "latitude": partial(reading.degrees, limit=90.0),
        "longitude": partial(reading.degrees, limit=180.0),
        "timestamp": reading.timestamp,
    },
    USER: {"age": reading.age, "date_joined": reading.timestamp},
}
"""How the texts of some fields are read; the others are texts."""
_MADE: Mapping[Entity, Mapping[str, Callable[[], Column]]] = {
    PIN: {},
    GEO: {"coordinates": _coordinates},
    USER: {"user_name": _user_name},
}
"""Columns that are made of several fields."""
