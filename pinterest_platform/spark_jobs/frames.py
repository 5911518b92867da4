"""Small operations on DataFrames that several jobs share."""

import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.types import StructType


def load_delta(spark: SparkSession, uri: str, version: int | None = None) -> DataFrame:
    """Return a version of a Delta table; the newest one without `version`.

    With a version, Sail fails as if a commit were missing if another writer creates a later checkpoint meanwhile.
    """
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(uri)


def only_row(frame: DataFrame) -> Row:
    """Return the only row of a frame."""
    return frame.collect()[0]


def to_arrow(frame: DataFrame, schema: StructType) -> pa.Table:
    """Return the rows of a frame with the declared columns.

    Without `to`, Spark Connect asks the engine for the schema first, which plans the query a second time.
    """
    return frame.to(schema).toArrow()
