"""Staged rows: batches that are decoded and cleaned once, and kept in files or in memory between a job's steps."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from pinterest_platform.catalog import Entity
from pinterest_platform.delta import parquet
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.spark_jobs import merge
from pinterest_platform.spark_jobs.counts import Counts, check_records, count, count_in_memory
from pinterest_platform.spark_jobs.engine_errors import engine_errors, is_outage
from pinterest_platform.spark_jobs.frames import only_row, to_arrow
from pinterest_platform.spark_jobs.origin import RecordOrigin
from pinterest_platform.spark_jobs.parameters import Batch
from pinterest_platform.transforms import cleaning, decoding, typed
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.schemas import CLEANED

StagedRows = tuple[str, ...] | pa.Table
"""Rows for the next step: folders of Parquet files, or a table in this process's memory.

A drain's batches are small: to write, list and read files would be most of their latency.
"""

_PARQUET_OPTIONS = {"compression": "snappy", "dictionary_page_size_limit": str(64 * 1024)}
"""Sail abandons the dictionary of a column of mostly distinct values at this size; the default of 1 MiB costs a third
of the time to write. Other engines ignore it."""
_ROW_GROUP_BYTES = 64 << 20
"""The raw bytes of a row group, of which the engine holds several in memory. Sail counts rows, a million by default."""
_FEWEST_GROUP_ROWS, _MOST_GROUP_ROWS = 4096, 128 * 1024
"""Limits of its rows: a file has up to 32,767 row groups, and the bytes of its rows can differ from the average."""


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """The cleaned rows of a batch, rejected ones too, and their counts."""

    rows: StagedRows
    counts: Counts

    @property
    def in_memory(self) -> bool:
        """True if the rows are in this process's memory."""
        return isinstance(self.rows, pa.Table)


@dataclass(frozen=True, slots=True)
class NewestRows:
    """The newest row of each key of staged batches.

    Attributes:
        rows: the rows, with the columns of the cleaned table.
        keys: their number.
        conflicting_keys: the keys that the batch has with other values, too; None if there are none.
    """

    rows: StagedRows
    keys: int
    conflicting_keys: StagedRows | None = None


def cleaned_lines(spark: SparkSession, uris: Sequence[str], origin: RecordOrigin) -> DataFrame:
    """Return every line of the objects, decoded and cleaned, rejected ones too."""
    lines = decoding.decode(spark.read.text(list(uris)), origin.entity, origin.stream, origin.route)
    return cleaning.clean(lines, origin.entity)


def cleaned_records(spark: SparkSession, batch: Batch, origin: RecordOrigin) -> DataFrame | None:
    """Return every record of a batch, read by its kinds and cleaned; None if only `cleaned_lines` can read them."""
    schema = typed.schema(batch.kinds, origin.entity, origin.route)
    if schema is None:
        return None
    objects = spark.read.schema(schema).option("mode", "FAILFAST").json(list(batch.uris))
    return cleaning.clean(typed.decode(objects, origin.entity, origin.stream, origin.route), origin.entity)


def accepted(staged: DataFrame, entity: Entity) -> DataFrame:
    """Return the rows that are not rejected, with the columns of the cleaned table."""
    return staged.where(F.col(decoding.REASON).isNull()).select(*CLEANED[entity].names)


def rows_of_group(batches: Sequence[Batch]) -> int:
    """Return the number of rows of a row group, by the average bytes of the records of a run."""
    known = [batch for batch in batches if batch.size and batch.records]
    size, records = sum(batch.size or 0 for batch in known), sum(batch.records or 0 for batch in known)
    rows = _ROW_GROUP_BYTES * records // size if size else _MOST_GROUP_ROWS
    return min(max(rows, _FEWEST_GROUP_ROWS), _MOST_GROUP_ROWS)


def read_rows(spark: SparkSession, rows: StagedRows, schema: StructType) -> DataFrame:
    """Return staged rows as a frame; the schema is needed, as engines cannot infer the columns of no rows."""
    if isinstance(rows, pa.Table):
        return spark.createDataFrame(rows, schema)
    return spark.read.schema(schema).parquet(*rows)


@dataclass(frozen=True, slots=True)
class Staging:
    """The staged rows of one run.

    Attributes:
        spark: the session that computes them.
        tables: the store of their files.
        origin: the origin of the records.
        uri: the run's staging folder; None to keep rows in memory.
        group_rows: the number of rows of a row group in a file.
    """

    spark: SparkSession
    tables: DeltaTables
    origin: RecordOrigin
    uri: str | None
    group_rows: int

    def materialize(self, rows: DataFrame, schema: StructType, uri: str | None) -> StagedRows:
        """Compute rows once, into Parquet files at an address, or into memory if there is no address."""
        if uri is None:
            return to_arrow(rows, schema)
        options = {**_PARQUET_OPTIONS, "max_row_group_size": str(self.group_rows)}
        rows.write.mode("overwrite").options(**options).parquet(uri)
        return (uri,)

    def stage(self, batch: Batch, name: str) -> StagedBatch:
        """Clean a batch once and count.

        Raises:
            TransientFailure: the objects have another number of lines than was landed.
        """
        uri = self.uri and f"{self.uri}/{name}"
        staged = self._stage_records(batch, uri)
        if staged is None:
            staged = self._staged(cleaned_lines(self.spark, batch.uris, self.origin), uri)
        check_records(staged.counts.records, batch.records, self.origin.stream, batch.uris)
        return staged

    def _stage_records(self, batch: Batch, uri: str | None) -> StagedBatch | None:
        """Stage a batch by the kinds of its records; return None if the reader fails or a record has other kinds."""
        records = cleaned_records(self.spark, batch, self.origin)
        if records is None:
            return None
        try:
            staged = self._staged(records, uri)
        except engine_errors() as error:
            if is_outage(error):
                raise
            return None
        is_as_landed = staged.counts.rejected == 0 and staged.counts.records == batch.records
        return staged if is_as_landed else None

    def _staged(self, cleaned: DataFrame, uri: str | None) -> StagedBatch:
        rows = self.materialize(cleaned, self.origin.staged_schema, uri)
        if isinstance(rows, pa.Table):
            return StagedBatch(rows, count_in_memory(rows, self.origin.entity))
        return StagedBatch(rows, count(read_rows(self.spark, rows, self.origin.staged_schema), self.origin.entity))

    def read(self, batches: Sequence[StagedBatch]) -> DataFrame:
        """Return the rows of batches that are all in files, or of one in memory."""
        first = batches[0]
        rows = first.rows if first.in_memory else tuple(uri for batch in batches for uri in batch.rows)
        return read_rows(self.spark, rows, self.origin.staged_schema)

    def read_newest(self, newest: NewestRows) -> DataFrame:
        """Return newest rows, each with whether its key is conflicting."""
        schema = self.origin.cleaned_schema
        rows = read_rows(self.spark, newest.rows, schema)
        if newest.conflicting_keys is None:
            return rows.withColumn(merge.CONFLICTING_KEY, F.lit(False))
        keys = read_rows(self.spark, newest.conflicting_keys, StructType([schema[KEY]]))
        flagged = rows.join(keys.withColumn(merge.CONFLICTING_KEY, F.lit(True)), KEY, "left")
        return flagged.fillna(False, [merge.CONFLICTING_KEY])

    def with_applied(
        self, batches: Sequence[StagedBatch], applied: Sequence[Batch], keys: pa.Table
    ) -> list[StagedBatch]:
        """Add the records that some keys have in objects that the table has applied, and not in the batches themselves.

        Args:
            batches: the batches, all in files, or one in memory.
            applied: the objects; none of them is one of the batches'.
            keys: the keys.

        Raises:
            TransientFailure: the objects have another number of lines than was landed.
        """
        uris = [uri for batch in applied for uri in batch.uris]
        counts = [batch.records for batch in applied]
        records = None if None in counts else sum(count for count in counts if count is not None)
        check_records(self.spark.read.text(uris).count(), records, self.origin.stream, uris)
        wanted = read_rows(self.spark, keys, StructType([self.origin.cleaned_schema[KEY]]))
        rows = cleaned_lines(self.spark, uris, self.origin).where(F.col(decoding.REASON).isNull())
        same = F.expr(f"s.`{KEY}` = t.`{KEY}` AND {merge.same_record(self.origin.route)}")
        rows = rows.join(wanted, KEY, "left_semi").alias("s").join(self.read(batches).alias("t"), same, "left_anti")
        # A merged object and those that it replaces can both be among the objects.
        staged = self._staged(rows.dropDuplicates([KEY, decoding.SOURCE]), self.target("applied"))
        return [*batches, staged] if not batches[0].in_memory else [_joined(batches[0], staged)]

    def stage_newest(self, batches: Sequence[StagedBatch], uri: str | None = None) -> NewestRows:
        """Stage the newest row of each key of batches; rows are only compared if a key has several.

        Args:
            batches: the batches, all in files, or one in memory.
            uri: the folder for the files; one in the staging folder by default.

        Raises:
            PermanentFailure: a record is in two objects.
        """
        first, rows = batches[0], accepted(self.read(batches), self.origin.entity)
        records, keys = first.counts.accepted, first.counts.keys
        if any(batch.counts.untimed for batch in batches):
            rows = cleaning.timed(rows, self.origin.route)
        if len(batches) > 1:
            records, keys = only_row(rows.select(F.count(F.lit(1)), F.count_distinct(KEY)))
        if first.in_memory and records == keys:
            staged = cast("pa.Table", first.rows).filter(pc.field(decoding.REASON).is_null())
            return NewestRows(staged.select(self.origin.cleaned_schema.names), keys)
        newest = rows if records == keys else cleaning.newest(rows, self.origin.route)
        target = self.target("newest") if uri is None else uri
        staged = self.materialize(newest, self.origin.cleaned_schema, target)
        if (newest_rows := self._row_count(staged)) != keys:
            raise PermanentFailure(
                f"{self.origin.stream}: {keys} keys have {newest_rows} newest records: two have the same position.",
                "Check for landed objects whose ranges overlap.",
            )
        return NewestRows(staged, keys)

    def with_conflicting_keys(self, batches: Sequence[StagedBatch], newest: NewestRows) -> NewestRows:
        """Stage the keys that batches have with other values than the newest, and return them with the newest rows."""
        if sum(batch.counts.accepted for batch in batches) == newest.keys:
            return newest
        schema = self.origin.cleaned_schema
        rows = accepted(self.read(batches), self.origin.entity).alias("s")
        joined = rows.join(read_rows(self.spark, newest.rows, schema).alias("t"), F.expr(f"s.`{KEY}` = t.`{KEY}`"))
        keys = joined.where(merge.values_differ(schema)).select(F.col(f"s.{KEY}").alias(KEY)).distinct()
        staged = self.materialize(keys, StructType([schema[KEY]]), self.target("conflicting"))
        return replace(newest, conflicting_keys=staged) if self._row_count(staged) else newest

    def target(self, name: str) -> str | None:
        """Return an address for rows that derive from batches; None to keep them in memory."""
        return self.uri and f"{self.uri}/{name}-{uuid.uuid4().hex}"

    def _row_count(self, rows: StagedRows) -> int:
        if isinstance(rows, tuple):
            return sum(parquet.row_count(self.tables, uri) for uri in rows)
        return rows.num_rows


def _joined(batch: StagedBatch, others: StagedBatch) -> StagedBatch:
    """Return a batch with further records of its keys; both are in memory."""
    rows = pa.concat_tables([cast("pa.Table", batch.rows), cast("pa.Table", others.rows)])
    counts = replace(
        batch.counts,
        records=batch.counts.records + others.counts.records,
        untimed=batch.counts.untimed + others.counts.untimed,
    )
    return StagedBatch(rows, counts)
