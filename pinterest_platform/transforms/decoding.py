"""Raw lines to columns of text, and the reasons to reject a record (rules C5 to C7).

A line is one JSON object that landing accepted, with the envelope that landing spliced in (rules L7 and N12).
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import (
    EARLIEST_PLAUSIBLE_MS,
    LATEST_PLAUSIBLE_MS,
    NESTED_FIELD,
    OFFSET_FIELD,
    ORDER_FIELD,
    PARTITION_FIELD,
    READABLE_FIELD,
    REPEATED_FIELD,
    SEQUENCE_FIELD,
    SHARD_FIELD,
    TIMESTAMP_FIELD,
    Entity,
    Route,
)
from pinterest_platform.transforms.reading import integer, trimmed
from pinterest_platform.transforms.schemas import POSITION

LINE = "value"
"""The column of the raw line, as `spark.read.text` names it."""
SOURCE = "_source"
REASON = "_reason"
"""The reason to reject a record; null if it is accepted."""

ENVELOPE: Mapping[Route, tuple[str, ...]] = {
    Route.KAFKA: (PARTITION_FIELD, OFFSET_FIELD, TIMESTAMP_FIELD),
    Route.KINESIS: (SHARD_FIELD, SEQUENCE_FIELD, TIMESTAMP_FIELD),
}
"""The fields of a record's position and time, in the order of the line."""
POSITION_TYPES = {Route.KAFKA: ("int", "bigint"), Route.KINESIS: ("string", "string")}
_SHORTENED_NUMBER = r"^(?:0|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\z"
_TEXT_OR_NUMBER = r'"([^"]*)"|(-?[0-9][0-9.eE+-]*)'
_ESCAPES = (("\\\\", "\u0001"), ('\\"', "\u0002"))
"""Escapes that hide quotes in a line, in this order, and characters that occur in no JSON text unescaped."""
_EXACT = "_exact"
"""The column of the line that numbers are extracted from."""
_SHALLOW = 64
"""Brackets up to which no line nests too deeply for `from_json`, which reads 127 levels in Sail."""
_READABLE = "_readable_line"
"""The column of the line that every engine can decode (rule L8)."""


def key(text: Column) -> Column:
    """Read the key of a record as a long; null if the text is not an integer that fits one (rule C4)."""
    bare = trimmed(text)
    return F.when(~bare.startswith("+"), integer(bare))


def decode(lines: DataFrame, entity: Entity, stream: str, route: Route) -> DataFrame:
    """Return every known field as text, `_source`, `_reason`, and the raw line.

    Args:
        lines: one column, `value`, with a raw line each.
        entity: the entity whose known fields are decoded.
        stream: the topic or stream of the lines, which do not hold it.
        route: the route of the lines, which decides the fields of their envelopes and of `_source`.
    """
    fields = entity.field_names
    names = (*fields, *ENVELOPE[route], ORDER_FIELD, REPEATED_FIELD, NESTED_FIELD)
    decoded = F.from_json(_READABLE, ", ".join(f"`{name}` string" for name in names))
    undecoded = F.col("_record").getField(TIMESTAMP_FIELD).isNull()
    looked_up = (*fields, REPEATED_FIELD, NESTED_FIELD)
    # Step by step: one expression would take half as long again to plan.
    readable = lines.select(LINE, _readable_line(route).alias(_READABLE))
    record = readable.select(LINE, _READABLE, _exact_line().alias(_EXACT), decoded.alias("_record"))
    texts = record.select(
        LINE,
        _EXACT,
        *(F.col("_record").getField(name).alias(name) for name in looked_up),
        _source(stream, route).alias(SOURCE),
        (undecoded & _nests_deeply()).alias("_deep"),
        (undecoded & ~_nests_deeply()).alias("_damaged"),
    )
    exact = texts.select(LINE, *(_exact_text(name).alias(name) for name in looked_up), SOURCE, "_damaged")
    return exact.select(LINE, *fields, SOURCE, _reason(entity).alias(REASON))


def _readable_line(route: Route) -> Column:
    """Return the line to decode: the one that landing put in a line that engines may fail on, else the line."""
    pattern = f'{_envelope(route)}(?:,"{ORDER_FIELD}":[0-9]+)?,"{READABLE_FIELD}":"([^"]*)"'
    encoded = F.regexp_extract(LINE, pattern, len(ENVELOPE[route]) + 1)
    return F.when(encoded != "", F.unbase64(encoded).cast("string")).otherwise(F.col(LINE))


def _nests_deeply() -> Column:
    """Return whether a line has enough brackets for a depth that `from_json` does not read."""
    brackets = F.length(LINE) - F.length(F.translate(LINE, "[{", ""))
    return brackets > _SHALLOW


def _envelope(route: Route) -> str:
    """Return a pattern of the beginning of a line, with a group for each field of its position and time."""
    return r"^\{" + ",".join(f'"{name}":"?([A-Za-z0-9_.-]+)"?' for name in ENVELOPE[route])


def _exact_line() -> Column:
    """Return a line from which `get_json_object` returns numbers as they were posted (rule C7)."""
    # Some engines shorten numbers there, too. The comparison is a constant of the plan.
    shortens = F.get_json_object(F.lit('{"n":1.50}'), "$.n") != "1.50"
    return F.when(shortens, _quoted(F.col(_READABLE))).otherwise(F.col(_READABLE))


def _exact_text(name: str) -> Column:
    """Return the text of a field as it was posted.

    `from_json` writes a bare 1.50 as 1.5, 1e3 as 1000.0, and on a JVM -0 as 0. It reads nothing of a line that nests
    deeply; landing has marked such lines only since rule L8 requires it.
    """
    text = F.col(name)
    shortened = text.rlike(_SHORTENED_NUMBER) & ((text == "0") | text.contains(".") | text.contains("e"))
    return F.when(shortened | F.col("_deep"), F.get_json_object(_EXACT, f"$.{name}")).otherwise(text)


def _quoted(line: Column) -> Column:
    """Return a JSON line with its bare numbers as texts."""
    for escape, placeholder in _ESCAPES:
        line = F.replace(line, F.lit(escape), F.lit(placeholder))
    line = F.regexp_replace(line, _TEXT_OR_NUMBER, '"$1$2"')
    for escape, placeholder in _ESCAPES:
        line = F.replace(line, F.lit(placeholder), F.lit(escape))
    return line


def _source(stream: str, route: Route) -> Column:
    """Return `_source`. The envelope is at the start of the line, so a line that cannot be decoded has one, too.

    `arrived_at` is the time by which the record is ordered, null if there is no plausible one (rule L19).
    """
    envelope = _envelope(route)
    *position, arrival = (
        F.coalesce(F.col("_record").getField(name), F.regexp_extract(LINE, envelope, group))
        for group, name in enumerate(ENVELOPE[route], start=1)
    )
    return source(
        stream, route, position, F.coalesce(F.col("_record").getField(ORDER_FIELD), arrival).try_cast("bigint")
    )


def source(stream: str, route: Route, position: Sequence[Column], order: Column) -> Column:
    """Return `_source`, given the columns of a record's position and of the milliseconds by which it is ordered."""
    plausible = order.between(EARLIEST_PLAUSIBLE_MS, LATEST_PLAUSIBLE_MS)
    typed = zip(POSITION[route], position, POSITION_TYPES[route], strict=True)
    return F.struct(
        F.lit(stream).alias("stream"),
        *((column if kind == "string" else column.try_cast(kind)).alias(name) for name, column, kind in typed),
        F.timestamp_millis(F.when(plausible, order)).alias("arrived_at"),
    )


def _reason(entity: Entity) -> Column:
    """Return the first reason to reject the record that applies (rule C5)."""
    name = entity.key_field
    nested = F.concat_ws(
        ",", *(F.when(F.col(NESTED_FIELD).contains(f",{field},"), F.lit(field)) for field in entity.field_names)
    )
    return (
        F.when(F.col("_damaged"), F.lit("damaged: the line is not JSON"))
        .when(
            F.col(REPEATED_FIELD).isNotNull(),
            F.concat(F.lit("duplicate names: "), F.trim(F.col(REPEATED_FIELD), F.lit(","))),
        )
        .when(nested != "", F.concat(F.lit("object or array in a known field: "), nested))
        .when(F.coalesce(trimmed(F.col(name)), F.lit("")) == "", F.lit(f"missing key: {name}"))
        .when(key(F.col(name)).isNull(), F.lit(f"non-integer key: {name}"))
    )
