"""Small operations on DataFrames that several jobs share."""

from pyspark.sql import DataFrame, Row, SparkSession


def load_delta(spark: SparkSession, uri: str, version: int | None = None) -> DataFrame:
    """Return a version of a Delta table; the newest one without `version`."""
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(uri)


def only_row(frame: DataFrame) -> Row:
    """Return the only row of a frame."""
    return frame.collect()[0]
