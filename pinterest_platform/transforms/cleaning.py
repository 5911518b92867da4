"""Decoded records to typed rows, and the newest row of each key (rules C2 to C19)."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import BooleanType, StructField, StructType

from pinterest_platform import catalog
from pinterest_platform.catalog import ENTITIES, KEY, Entity, Route, resolve
from pinterest_platform.transforms import decoding, reading
from pinterest_platform.transforms.schemas import POSITION

__all__ = ["KEY", "UNREADABLE", "UNREADABLE_FIELDS", "clean", "newest", "unreadable_type"]

UNREADABLE = "_unreadable"
"""A struct of booleans, one for each field with a reader: whether its text could not be read."""

UNREADABLE_FIELDS: Mapping[Entity, tuple[str, ...]] = {
    entity: tuple(field.name for field in entity.read_fields) for entity in ENTITIES
}


def unreadable_type(entity: Entity) -> StructType:
    """Return the type of `_unreadable`; a struct cannot be empty, so without readers it has a flag for the key."""
    names = [field.name for field in entity.read_fields] or [entity.key_field]
    return StructType([StructField(name, BooleanType()) for name in names])


def clean(records: DataFrame, entity: Entity) -> DataFrame:
    """Apply the readers and rules of an entity to every record that `decoding.decode` returned, rejected ones too.

    The columns are those of the cleaned table, then `_unreadable`, `_reason`, and `value`, the raw line of a rejected
    record. Each step uses the columns of the one before: planning one expression would take three times as long.
    """
    rejected = F.col(decoding.REASON).isNotNull()
    texts = records.select(
        decoding.key(F.col(entity.key_field)).alias(KEY),
        *(reading.text(F.col(field.name), field.sentinels).alias(_text(field.name)) for field in entity.used_fields),
        decoding.SOURCE,
        decoding.REASON,
        F.when(rejected, F.col(decoding.LINE)).alias(decoding.LINE),
    )
    values = texts.select("*", *(_read(field).alias(_value(field.name)) for field in entity.read_fields))
    names = {field.name: _text(field.name) for field in entity.used_fields}
    names |= {field.name: _value(field.name) for field in entity.read_fields}
    return values.select(
        *(_column(column, names).alias(column.name) for column in entity.columns),
        decoding.SOURCE,
        _flags(entity).alias(UNREADABLE),
        decoding.REASON,
        decoding.LINE,
    )


def newest(rows: DataFrame, route: Route) -> DataFrame:
    """Return one row of each key: the latest by arrival, then partition (shard), then offset (sequence number).

    A row without a time is before all others; see `timed`.

    All three identify a row, because the offsets of a recreated topic start at 0. The greatest order of each key is
    determined on narrow columns and joined: sorting costs twice as much, and sorting whole rows many times more.
    The narrow rows are on the left, because Sail builds the hash table of a join from its left side.
    """
    ordered = rows.withColumn("_order", _order(route))
    latest = ordered.groupBy(KEY).agg(F.max("_order").alias("_order"))
    return latest.join(ordered, [KEY, "_order"]).drop("_order")


def _order(route: Route) -> Column:
    """Return a text that orders rows by arrival and position; an engine finds the greatest text of a group fast."""
    source = F.col(decoding.SOURCE)
    part, position = (source.getField(name).cast("string") for name in POSITION[route])
    if route is Route.KAFKA:
        part, position = F.lpad(part, 10, "0"), F.lpad(position, 19, "0")
    # A blank is below all characters of a shard's id; sequence numbers are padded.
    arrival = F.lpad(F.unix_micros(source.getField("arrived_at")).cast("string"), 16, "0")
    return F.concat(F.coalesce(arrival, F.lit("")), F.lit(" "), part, F.lit(" "), position)


def timed(rows: DataFrame, route: Route) -> DataFrame:
    """Give each row without an arrival time the latest one before it of its key and partition (shard), if there is one.

    Landing does so for a whole partition, but did not before rule L19.
    """
    part, position = POSITION[route]
    source = F.col(decoding.SOURCE)
    before = Window.partitionBy(KEY, source.getField("stream"), source.getField(part))
    before = before.orderBy(source.getField(position)).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    carried = F.max(source.getField("arrived_at")).over(before)
    carried_rows = rows.withColumn("_carried", carried)
    arrival = F.coalesce(source.getField("arrived_at"), F.col("_carried")).alias("arrived_at")
    fields = [source.getField(name).alias(name) for name in ("stream", part, position)]
    return carried_rows.withColumn(decoding.SOURCE, F.struct(*fields, arrival)).drop("_carried")


def _text(field: str) -> str:
    """Return the name of the column with the text of a field."""
    return f"_text_{field}"


def _value(field: str) -> str:
    """Return the name of the column with the value that a reader made of the text."""
    return f"_value_{field}"


def _read(field: catalog.Field) -> Column:
    """Apply the reader of a field, if it has one, to its text."""
    text = F.col(_text(field.name))
    return text if field.reader is None else resolve(field.reader)(text)


def _column(column: catalog.Column, names: Mapping[str, str]) -> Column:
    """Return a column of the cleaned table, given the column that holds the value of each field."""
    if column.name == KEY:
        return F.col(KEY)
    sources = [F.col(names[source]) for source in column.sources]
    return sources[0] if column.rule is None else resolve(column.rule)(*sources)


def _flags(entity: Entity) -> Column:
    flags = [
        reading.unreadable(F.col(_text(field.name)), F.col(_value(field.name))).alias(field.name)
        for field in entity.read_fields
    ]
    return F.struct(*(flags or [F.lit(False).alias(entity.key_field)]))
