"""Rows between a job's steps: a batch decoded and cleaned once, kept in files or in memory, and what it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StringType, StructField, StructType

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import TransientFailure
from pinterest_platform.spark_jobs.parameters import Batch
from pinterest_platform.transforms import cleaning, decoding
from pinterest_platform.transforms.schemas import CLEANED, cleaned_schema

StagedRows = tuple[str, ...] | pa.Table
"""Where rows wait for the next step: folders of Parquet files, or, where they are few, this process's memory.

A drain's batches are small: what files cost, written and listed and read back, would be most of their latency.
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a batch holds; see CleanResult for the fields."""

    records: int = 0
    rejected: int = 0
    keys: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def accepted(self) -> int:
        """How many records are not rejected."""
        return self.records - self.rejected


@dataclass(frozen=True, slots=True)
class Staged:
    """A batch, cleaned once: its rows, rejected ones too, and what they are."""

    rows: StagedRows
    counts: Counts

    @property
    def in_memory(self) -> bool:
        """Whether its rows are in this process's memory."""
        return isinstance(self.rows, pa.Table)


def materialize(rows: DataFrame, uri: str, *, in_memory: bool) -> StagedRows:
    """Compute rows once: into memory, or into Parquet files at an address."""
    if in_memory:
        return rows.toArrow()
    rows.write.mode("overwrite").option("compression", "snappy").parquet(uri)
    return (uri,)


def read_rows(spark: SparkSession, kept: StagedRows, schema: StructType) -> DataFrame:
    """Rows that were kept; without a schema, engines cannot tell the columns of no rows."""
    if isinstance(kept, pa.Table):
        return spark.createDataFrame(kept, schema)
    return spark.read.schema(schema).parquet(*kept)


def cleaned_lines(
    spark: SparkSession, uris: Sequence[str], entity: Entity, stream: str, route: Route = Route.KAFKA
) -> DataFrame:
    """Every line of the objects, decoded and cleaned, rejected ones too."""
    return cleaning.clean(decoding.decode(spark.read.text(list(uris)), entity, stream, route), entity)


def staged_schema(entity: Entity, route: Route = Route.KAFKA) -> StructType:
    """The columns of staged files: the cleaned table's, then what else `cleaning.clean` tells of a record."""
    extra = (
        StructField(cleaning.UNREADABLE, cleaning.unreadable_type(entity)),
        StructField(decoding.REASON, StringType()),
        StructField(decoding.LINE, StringType()),
    )
    return StructType([*cleaned_schema(entity, route).fields, *extra])


def read_staged(spark: SparkSession, kept: StagedRows, entity: Entity, route: Route = Route.KAFKA) -> DataFrame:
    """What `stage` kept."""
    return read_rows(spark, kept, staged_schema(entity, route))


def accepted(staged: DataFrame, entity: Entity) -> DataFrame:
    """The rows that are not rejected, with the columns of the cleaned table."""
    return staged.where(F.col(decoding.REASON).isNull()).select(*CLEANED[entity].names)


def stage(
    spark: SparkSession, batch: Batch, entity: Entity, stream: str, uri: str, route: Route = Route.KAFKA
) -> Staged:
    """Clean a batch once, into memory or into files at an address, and count.

    Raises:
        TransientFailure: the objects do not show as many lines as they hold.
    """
    lines = cleaned_lines(spark, batch.uris, entity, stream, route)
    kept = materialize(lines, uri, in_memory=batch.is_small)
    is_small = isinstance(kept, pa.Table)
    counts = _count_small(kept, entity) if is_small else count(read_staged(spark, kept, entity, route), entity)
    check_records(counts.records, batch.records, stream, batch.uris)
    return Staged(kept, counts)


def check_records(found: int, expected: int | None, stream: str, uris: Sequence[str]) -> None:
    """Refuse to go on with fewer or more lines than the objects are known to hold: engines read a missing one as empty.

    Raises:
        TransientFailure: the numbers differ.
    """
    if expected is None or found == expected:
        return
    raise TransientFailure(
        f"{stream}: {len(uris)} objects from {uris[0]} show {found} records, and {expected} were landed.",
        "Look whether an object was deleted or changed; if not, run it again.",
    )


def count(staged: DataFrame, entity: Entity) -> Counts:
    """Count a staged batch in one pass over its narrow columns."""
    taken = F.col(decoding.REASON).isNull()
    fields = cleaning.UNREADABLE_FIELDS[entity]
    flags = [F.count_if(taken & F.col(cleaning.UNREADABLE).getField(name)).alias(f"_{name}") for name in fields]
    row = only_row(
        staged.select(
            F.count(F.lit(1)).alias("records"),
            F.count(decoding.REASON).alias("rejected"),
            F.count_distinct(F.when(taken, F.col(cleaning.KEY))).alias("keys"),
            *flags,
        )
    )
    return Counts(row["records"], row["rejected"], row["keys"], {name: row[f"_{name}"] for name in fields})


def _count_small(staged: pa.Table, entity: Entity) -> Counts:
    """The same of rows in memory, without asking an engine."""
    taken = staged.filter(pc.field(decoding.REASON).is_null())
    flags = taken[cleaning.UNREADABLE].combine_chunks()
    return Counts(
        staged.num_rows,
        staged.num_rows - taken.num_rows,
        len(taken[cleaning.KEY].unique()),
        {name: flags.field(name).true_count for name in cleaning.UNREADABLE_FIELDS[entity]},
    )


def only_row(frame: DataFrame) -> Row:
    """The row of a frame that has one."""
    return frame.collect()[0]
