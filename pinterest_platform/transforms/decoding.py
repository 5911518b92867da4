"""Raw lines to columns of text, and which records are rejected (SPEC 6).

A line is one JSON object that landing accepted, with the envelope that landing spliced in (entities.PARTITION_FIELD
and its neighbours).
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import (
    NESTED_FIELD,
    OFFSET_FIELD,
    PARTITION_FIELD,
    REPEATED_FIELD,
    SEQUENCE_FIELD,
    SHARD_FIELD,
    TIMESTAMP_FIELD,
    Entity,
    Route,
)
from pinterest_platform.schemas import POSITION, RAW_FIELDS
from pinterest_platform.transforms.reading import trimmed

LINE = "value"
"""The column of the raw line, as `spark.read.text` names it."""
SOURCE = "_source"
REASON = "_reason"
"""Why a record is rejected; null where it is accepted."""

_ENVELOPE = {
    Route.KAFKA: (PARTITION_FIELD, OFFSET_FIELD, TIMESTAMP_FIELD),
    Route.KINESIS: (SHARD_FIELD, SEQUENCE_FIELD, TIMESTAMP_FIELD),
}
_POSITION_TYPES = {Route.KAFKA: ("int", "bigint"), Route.KINESIS: ("string", "string")}
_SHORTENED_NUMBER = r"^(?:0|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\z"
_TEXT_OR_NUMBER = r'"([^"]*)"|(-?[0-9][0-9.eE+-]*)'
_ESCAPES = (("\\\\", "\u0001"), ('\\"', "\u0002"))
"""What hides quotes in a line's texts, in this order, and characters that stand in no JSON text as they are."""
_KEY = r"^-?[0-9]+\z"
_EXACT = "_exact"
"""The column of the line that numbers are looked up in."""


def key(text: Column) -> Column:
    """The key of a record as a long; null where the text is not an integer that fits one."""
    bare = trimmed(text)
    return F.when(bare.rlike(_KEY), bare.try_cast("bigint"))


def decode(lines: DataFrame, entity: Entity, stream: str, route: Route = Route.KAFKA) -> DataFrame:
    """Every known field as text, `_source`, `_reason`, and the raw line.

    Args:
        lines: one column, `value`: a raw line each.
        entity: whose known fields are decoded.
        stream: the topic or stream the lines come from; the lines do not say it.
        route: how they came: it decides what their envelopes and `_source` hold.
    """
    fields = RAW_FIELDS[entity]
    names = (*fields, *_ENVELOPE[route], REPEATED_FIELD, NESTED_FIELD)
    decoded = F.from_json(LINE, ", ".join(f"`{name}` string" for name in names))
    # Step by step: as one expression it would take half as long again to plan.
    record = lines.select(LINE, _exact_line().alias(_EXACT), decoded.alias("_record"))
    told = record.select(
        LINE,
        _EXACT,
        *(F.col("_record").getField(name).alias(name) for name in fields),
        _source(stream, route).alias(SOURCE),
        F.col("_record").getField(TIMESTAMP_FIELD).isNull().alias("_undecoded"),
        F.col("_record").getField(REPEATED_FIELD).alias(REPEATED_FIELD),
        F.col("_record").getField(NESTED_FIELD).alias(NESTED_FIELD),
    )
    rest = (SOURCE, "_undecoded", REPEATED_FIELD, NESTED_FIELD)
    exact = told.select(LINE, *(_exact_text(name).alias(name) for name in fields), *rest)
    return exact.select(LINE, *fields, SOURCE, _reason(entity).alias(REASON))


def _exact_line() -> Column:
    """A line of which `get_json_object` gives numbers as they were posted."""
    # An engine that shortens them there, too, says so here; the answer is a constant of the plan.
    shortens = F.get_json_object(F.lit('{"n":1.50}'), "$.n") != "1.50"
    return F.when(shortens, _quoted(F.col(LINE))).otherwise(F.col(LINE))


def _exact_text(name: str) -> Column:
    """A field's text as it was posted: `from_json` writes a bare 1.50 as 1.5, 1e3 as 1000.0, and on a JVM -0 as 0."""
    text = F.col(name)
    shortened = text.rlike(_SHORTENED_NUMBER) & ((text == "0") | text.contains(".") | text.contains("e"))
    return F.when(shortened, F.get_json_object(_EXACT, f"$.{name}")).otherwise(text)


def _quoted(line: Column) -> Column:
    """A JSON line with its bare numbers as texts."""
    for escape, stand_in in _ESCAPES:
        line = F.replace(line, F.lit(escape), F.lit(stand_in))
    line = F.regexp_replace(line, _TEXT_OR_NUMBER, '"$1$2"')
    for escape, stand_in in _ESCAPES:
        line = F.replace(line, F.lit(stand_in), F.lit(escape))
    return line


def _source(stream: str, route: Route) -> Column:
    """Where the record stood. The envelope leads the line, so a line that cannot be decoded shows it all the same."""
    envelope = r"^\{" + ",".join(f'"{name}":"?([A-Za-z0-9_.-]+)"?' for name in _ENVELOPE[route])
    *place, arrival = (
        F.coalesce(F.col("_record").getField(name), F.regexp_extract(LINE, envelope, group))
        for group, name in enumerate(_ENVELOPE[route], start=1)
    )
    typed = zip(POSITION[route], place, _POSITION_TYPES[route], strict=True)
    return F.struct(
        F.lit(stream).alias("stream"),
        *((column if kind == "string" else column.try_cast(kind)).alias(name) for name, column, kind in typed),
        F.timestamp_millis(arrival.try_cast("bigint")).alias("arrived_at"),
    )


def _reason(entity: Entity) -> Column:
    """The first of the reasons to reject a record that applies."""
    name = entity.key_field
    nested = F.concat_ws(
        ",", *(F.when(F.col(NESTED_FIELD).contains(f",{field},"), F.lit(field)) for field in RAW_FIELDS[entity])
    )
    return (
        F.when(F.col("_undecoded"), F.lit("nested too deeply to be decoded"))
        .when(
            F.col(REPEATED_FIELD).isNotNull(),
            F.concat(F.lit("duplicate names: "), F.trim(F.col(REPEATED_FIELD), F.lit(","))),
        )
        .when(nested != "", F.concat(F.lit("object or array in a known field: "), nested))
        .when(F.coalesce(trimmed(F.col(name)), F.lit("")) == "", F.lit(f"missing key: {name}"))
        .when(key(F.col(name)).isNull(), F.lit(f"non-integer key: {name}"))
    )
