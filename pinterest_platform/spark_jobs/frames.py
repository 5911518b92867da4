"""Small operations on DataFrames that several jobs share."""

from pyspark.sql import DataFrame, Row, SparkSession


def load_delta(spark: SparkSession, uri: str) -> DataFrame:
    """Return the newest version of a Delta table."""
    return spark.read.format("delta").load(uri)


def only_row(frame: DataFrame) -> Row:
    """Return the only row of a frame."""
    return frame.collect()[0]
