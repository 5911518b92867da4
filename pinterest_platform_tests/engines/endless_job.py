"""A Spark job that never ends: it computes for too long, or waits for a store that does not respond."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import SparkSession

from pinterest_platform.spark_jobs.parameters import Transferable


@dataclass(frozen=True, slots=True)
class Parameters(Transferable):
    uri: str = ""


def run(spark: SparkSession, parameters: Parameters, progress: Callable[[str], None]) -> Parameters:
    if parameters.uri:
        spark.read.text(parameters.uri).count()
    else:
        spark.range(10**13).selectExpr("sum(hash(id))").collect()
    return parameters
