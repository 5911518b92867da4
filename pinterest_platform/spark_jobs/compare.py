"""The job `compare`: two cleaned tables of an entity against each other, key by key (SPEC 8); it writes nothing."""

from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import Entity, entity_named
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.spark_jobs.merge import values_differ
from pinterest_platform.spark_jobs.parameters import CompareParameters, CompareResult
from pinterest_platform.spark_jobs.staging import only_row
from pinterest_platform.transforms import quality
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.schemas import CLEANED

_EXAMPLES = 10


def run(spark: SparkSession, parameters: CompareParameters, progress: Callable[[str], None]) -> CompareResult:
    """Compare; see CompareParameters and CompareResult.

    Raises:
        PermanentFailure: one of the tables does not exist.
        TransientFailure: the store does not answer.
    """
    entity = entity_named(parameters.entity)
    tables = DeltaTables(parameters.io_timeout_seconds)
    left, right = (_business(spark, tables, uri, entity) for uri in (parameters.left_uri, parameters.right_uri))
    facts = [only_row(quality.key_facts(side)) for side in (left, right)]
    joined = left.alias("s").join(right.alias("t"), F.col(f"s.{KEY}") == F.col(f"t.{KEY}"), "full")
    in_left, in_right = (F.col(f"{side}.{KEY}").isNotNull() for side in ("s", "t"))
    kinds = joined.select(
        F.coalesce(f"s.{KEY}", f"t.{KEY}").alias(KEY),
        in_left.alias("in_left"),
        in_right.alias("in_right"),
        (in_left & in_right & F.expr(values_differ(CLEANED[entity]))).alias("different"),
    )
    row = only_row(
        kinds.select(
            F.count_if(~F.col("in_right")).alias("only_left"),
            F.count_if(~F.col("in_left")).alias("only_right"),
            F.count_if("different").alias("different"),
        )
    )
    odd = kinds.where(~F.col("in_left") | ~F.col("in_right") | F.col("different"))
    wrong = odd.select(KEY).union(_repeated(left)).union(_repeated(right)).distinct()
    examples = [found[KEY] for found in wrong.orderBy(KEY).limit(_EXAMPLES).collect()]
    progress(f"{entity}: {facts[0]['rows']} rows compared with {facts[1]['rows']}")
    return CompareResult(
        **row.asDict(),
        left_rows=facts[0]["rows"],
        right_rows=facts[1]["rows"],
        duplicates_left=facts[0]["duplicate_keys"],
        duplicates_right=facts[1]["duplicate_keys"],
        examples=examples,
    )


def _repeated(side: DataFrame) -> DataFrame:
    """The keys that stand in more than one row; joined, such rows find each other and look whole."""
    return side.groupBy(KEY).count().where("count > 1").select(KEY)


def _business(spark: SparkSession, tables: DeltaTables, uri: str, entity: Entity) -> DataFrame:
    tables.existing(uri)
    return spark.read.format("delta").load(uri).select(*CLEANED[entity].names[:-1])
