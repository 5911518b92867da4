"""The job `compare`: two cleaned tables of an entity, compared key by key (rule C20); it writes nothing."""

from collections.abc import Callable
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import Entity, entity_named
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.messages import counted
from pinterest_platform.spark_jobs.engine_errors import retry_reads
from pinterest_platform.spark_jobs.frames import load_delta, only_row
from pinterest_platform.spark_jobs.merge import values_differ
from pinterest_platform.spark_jobs.parameters import CompareParameters, CompareResult
from pinterest_platform.transforms import quality
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.schemas import CLEANED

_EXAMPLES = 10


def run(spark: SparkSession, parameters: CompareParameters, progress: Callable[[str], None]) -> CompareResult:
    """Compare; see CompareParameters and CompareResult.

    Raises:
        PermanentFailure: one of the tables does not exist.
        TransientFailure: the store does not respond, or every attempt met a commit.
    """
    work, uris = partial(_run, spark, parameters, progress), f"{parameters.left_uri}, {parameters.right_uri}"
    return retry_reads(work, uris, parameters.io_timeout_seconds)


def _run(spark: SparkSession, parameters: CompareParameters, progress: Callable[[str], None]) -> CompareResult:
    entity = entity_named(parameters.entity)
    tables = DeltaTables(parameters.io_timeout_seconds)
    left, right = (_business_columns(spark, tables, uri, entity) for uri in (parameters.left_uri, parameters.right_uri))
    left_facts, right_facts = (only_row(quality.key_facts(side)) for side in (left, right))
    joined = left.alias("s").join(right.alias("t"), F.col(f"s.{KEY}") == F.col(f"t.{KEY}"), "full")
    in_left, in_right = (F.col(f"{side}.{KEY}").isNotNull() for side in ("s", "t"))
    keys = joined.select(
        F.coalesce(f"s.{KEY}", f"t.{KEY}").alias(KEY),
        in_left.alias("in_left"),
        in_right.alias("in_right"),
        (in_left & in_right & F.expr(values_differ(CLEANED[entity]))).alias("different"),
    )
    counts = only_row(
        keys.select(
            F.count_if(~F.col("in_right")).alias("only_left"),
            F.count_if(~F.col("in_left")).alias("only_right"),
            F.count_if("different").alias("different"),
        )
    )
    unequal = keys.where(~F.col("in_left") | ~F.col("in_right") | F.col("different")).select(KEY)
    wrong = unequal.union(_duplicate_keys(left)).union(_duplicate_keys(right)).distinct()
    examples = [row[KEY] for row in wrong.orderBy(KEY).limit(_EXAMPLES).collect()]
    progress(f"{entity}: {counted(left_facts['rows'], 'row')} compared with {right_facts['rows']:,}")
    return CompareResult(
        **counts.asDict(),
        left_rows=left_facts["rows"],
        right_rows=right_facts["rows"],
        duplicates_left=left_facts["duplicate_keys"],
        duplicates_right=right_facts["duplicate_keys"],
        examples=examples,
    )


def _duplicate_keys(side: DataFrame) -> DataFrame:
    """Return the keys of several rows; in a join, such rows match each other and look equal."""
    return side.groupBy(KEY).count().where("count > 1").select(KEY)


def _business_columns(spark: SparkSession, tables: DeltaTables, uri: str, entity: Entity) -> DataFrame:
    tables.existing(uri)
    return load_delta(spark, uri).select(*CLEANED[entity].names[:-1])
