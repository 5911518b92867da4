"""Records whose values landing classified (rule L22), read by the JSON reader of the engine in half the time.

The exact way is `decoding`. This one returns the same texts for records of ordinary kinds.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import LongType, StructField, StructType

from pinterest_platform.catalog import ORDER_FIELD, TIMESTAMP_FIELD, Entity, Field, Route, kinds
from pinterest_platform.transforms import decoding
from pinterest_platform.transforms.schemas import spark_type


def schema(observed: kinds.Kinds | None, entity: Entity, route: Route) -> StructType | None:
    """Return the schema that reads records of these kinds; None if only the exact way can read them."""
    if observed is None or kinds.OTHER in (observed.get(name) for name in entity.field_names):
        return None
    position_types = dict(zip(decoding.ENVELOPE[route], decoding.POSITION_TYPES[route], strict=False))
    names = {*observed, *entity.field_names, *position_types, TIMESTAMP_FIELD, ORDER_FIELD}
    if len({name.lower() for name in names}) < len(names):
        return None  # Sail ignores case when it compares names.
    types = {field.name: _type(field, observed.get(field.name, kinds.TEXT)) for field in _read_fields(entity)}
    columns = [StructField(name, spark_type(kind)) for name, kind in (position_types | types).items() if kind]
    if len(columns) < len(position_types | types):
        return None
    return StructType([*columns, StructField(TIMESTAMP_FIELD, LongType()), StructField(ORDER_FIELD, LongType())])


def _read_fields(entity: Entity) -> list[Field]:
    """Return the key field and the fields that columns use."""
    return [field for field in entity.fields if field.name == entity.key_field or field in entity.used_fields]


def _type(field: Field, kind: str) -> str | None:
    """Return the type as which values of a kind are read without changing the column; None if there is none."""
    if kind in (kinds.TEXT, kinds.NULL):
        return "string"
    return field.number if kind == kinds.INTEGER or field.number == "double" else None


def decode(records: DataFrame, entity: Entity, stream: str, route: Route) -> DataFrame:
    """Return records as `decoding.decode` does, but without the lines and the fields that no column uses.

    A record without a key has a reason, and only the exact way finds the right one.

    Args:
        records: objects that were read with `schema`.
        entity: the entity of the records.
        stream: the topic or stream of the records, which do not hold it.
        route: the route of the records.
    """
    *position, arrival = (F.col(name) for name in decoding.ENVELOPE[route])
    source = decoding.source(stream, route, position, F.coalesce(ORDER_FIELD, arrival))
    texts = records.select(
        F.lit(None).cast("string").alias(decoding.LINE),
        *(F.col(field.name).cast("string").alias(field.name) for field in _read_fields(entity)),
        source.alias(decoding.SOURCE),
    )
    has_no_key = decoding.key(F.col(entity.key_field)).isNull()
    return texts.select("*", F.when(has_no_key, F.lit("no key")).alias(decoding.REASON))
