"""Spark schemas of the catalog's tables; schemas are never inferred (rule C1)."""

from collections.abc import Iterable, Mapping

from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from pinterest_platform.catalog import ENTITIES, REPORTS, Entity, Route

SOURCE_TYPE = StructType(
    [
        StructField("stream", StringType()),
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("arrived_at", TimestampType()),
    ]
)
"""`_source` of a row from Kafka: topic, partition, offset and append time (rule C19)."""

STREAM_SOURCE_TYPE = StructType(
    [
        StructField("stream", StringType()),
        StructField("shard", StringType()),
        StructField("sequence_number", StringType()),
        StructField("arrived_at", TimestampType()),
    ]
)
"""`_source` of a row from Kinesis: stream, shard, sequence number (padded, so that it sorts as text), arrival time."""

POSITION: Mapping[Route, tuple[str, str]] = {
    Route.KAFKA: ("partition", "offset"),
    Route.KINESIS: ("shard", "sequence_number"),
}
"""The fields of `_source` that identify a record of a stream and order records of equal arrival time."""

_SCALARS: Mapping[str, DataType] = {
    "string": StringType(),
    "bigint": LongType(),
    "int": IntegerType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
    "timestamp": TimestampType(),
}


def spark_type(notation: str) -> DataType:
    """Return the Spark type of a notation such as `bigint` or `array<double>`."""
    if notation.startswith("array<"):
        return ArrayType(spark_type(notation.removeprefix("array<").removesuffix(">")))
    return _SCALARS[notation]


def _schema(columns: Iterable[tuple[str, str]], *fields: StructField) -> StructType:
    return StructType([*(StructField(name, spark_type(notation)) for name, notation in columns), *fields])


def _cleaned(entity: Entity, source: StructType) -> StructType:
    return _schema(((column.name, column.type) for column in entity.columns), StructField("_source", source))


CLEANED: Mapping[Entity, StructType] = {entity: _cleaned(entity, SOURCE_TYPE) for entity in ENTITIES}
"""The cleaned tables of the Kafka route, all columns nullable, `_source` last."""

CLEANED_STREAM: Mapping[Entity, StructType] = {entity: _cleaned(entity, STREAM_SOURCE_TYPE) for entity in ENTITIES}
"""The cleaned tables of the Kinesis route, which differ only in `_source`."""

REPORT_SCHEMAS: Mapping[str, StructType] = {report.key: _schema(report.column_types) for report in REPORTS}
"""The report tables, by the key of the report."""


def cleaned_schema(entity: Entity, route: Route) -> StructType:
    """Return the schema of an entity's cleaned table on a route."""
    return CLEANED[entity] if route is Route.KAFKA else CLEANED_STREAM[entity]
