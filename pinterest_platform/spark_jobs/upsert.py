"""Bringing a cleaned table up to staged batches, while others may (ARCHITECTURE "Cleaning incrementally")."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from pinterest_platform.catalog import Route, entity_named
from pinterest_platform.delta import table_cache
from pinterest_platform.delta.conflicts import CommitConflictError, TableRebuiltError, retry_on_conflict
from pinterest_platform.delta.key_lookup import rows_with
from pinterest_platform.delta.tables import NOTHING_TAKEN, REBUILDS, DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.spark_jobs import merge
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters
from pinterest_platform.spark_jobs.staging import (
    Staged,
    StagedRows,
    accepted,
    materialize,
    only_row,
    read_rows,
    read_staged,
)
from pinterest_platform.transforms import cleaning, decoding
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.quality import schema_differences
from pinterest_platform.transforms.schemas import cleaned_schema


class TableUpsert:
    """One run's work on one cleaned table, which is made if there is none.

    Args:
        spark: the session to work on.
        parameters: what to clean, and where.

    Raises:
        PermanentFailure: the table has other columns than cleaning writes.
    """

    def __init__(self, spark: SparkSession, parameters: CleanParameters) -> None:
        self.spark = spark
        self.parameters = parameters
        self.entity = entity_named(parameters.entity)
        self.route = Route(parameters.source)
        self.schema = cleaned_schema(self.entity, self.route)
        self.tables = DeltaTables(parameters.io_timeout_seconds)
        self.totals: Counter[str] = Counter()
        uri = parameters.table_uri
        self.table = table_cache.checkout(spark, self.tables, uri) or self.tables.ensure(uri, self.schema)
        if differences := schema_differences(self.tables.schema(self.table), self.schema):
            raise PermanentFailure(
                f"The table {uri} has other columns than cleaning writes: {'; '.join(differences)}.",
                "Move the table away and run a full refresh.",
            )

    def _take(self, staged: Staged | None, batch: Batch) -> None:
        """Bring the table up to one staged batch. Doing it again changes nothing, so a lost race is simply redone."""
        table = self.tables.refreshed(self.table)
        known = self.tables.transactions_of(table)
        self._check_continues(known, batch)
        reached = {**known, **{name: max(end, known.get(name, end)) for name, end in batch.positions.items()}}
        if staged is None:
            self._advance(known.get(REBUILDS), batch)
        elif staged.in_memory:
            self._take_small(staged, batch, table, reached)
        elif self.tables.row_count(table) == 0:
            # MERGE into an empty table costs five times as much as this, which also commits the positions.
            folder = f"rows-{uuid.uuid4().hex}"
            self._keep_newest([staged], f"{self.parameters.table_uri}/{folder}")
            # A commit that seems lost may stand all the same, so its files do too; without it, no reader sees them.
            self.tables.adopt(table, folder, reached)
            self._count_difference(merge.Difference(staged.counts.keys, 0), staged.counts.keys)
        else:
            newest = self._keep_newest([staged], self._folder("newest"))
            varied = self._keep_varied(staged, newest)
            self._merge(staged, newest, varied, self._compare(newest, varied), table.version())
            self._advance(known.get(REBUILDS), batch)

    def _take_small(self, staged: Staged, batch: Batch, table: DeltaTable, reached: Mapping[str, int]) -> None:
        """Take rows that are in memory; where they only add to the table, in one commit with the positions."""
        newest = fresh = cast("pa.Table", self._keep_newest([staged], ""))
        standing = rows_with(self.tables, table, KEY, newest[KEY])
        if standing.num_rows:
            varied = self._keep_varied(staged, newest)
            target = read_rows(self.spark, standing, self.schema)
            effects = self._effects(newest, varied, target).collect()
            difference = merge.Difference(*(sum(row[name] for row in effects) for name in merge.Difference._fields))
            if difference.changed or difference.moved:
                self._merge(staged, newest, varied, difference, table.version())
                self._advance(reached.get(REBUILDS), batch)
                return
            new = {row[KEY] for row in effects if row["new"]}
            fresh = newest.filter(pa.array([key in new for key in newest[KEY].to_pylist()], pa.bool_()))
        if fresh.num_rows:
            self.tables.append(table, fresh, reached)
        else:
            self._advance(reached.get(REBUILDS), batch)
        self._count_difference(merge.Difference(fresh.num_rows, 0), staged.counts.keys)

    def _merge(
        self, staged: Staged, newest: StagedRows, varied: StagedRows | None, expected: merge.Difference, version: int
    ) -> None:
        """Merge newest rows of which it is known what they do to the table, which was at `version` before."""
        if any(expected):
            uri, update = self.parameters.table_uri, expected.changed + expected.moved > 0
            merge.merge_newest(self.spark, self._source(newest, varied), uri, self.schema, update, self.route)
            if any(self._compare(newest, varied)):
                # An older row of a key that was new to us came in between.
                raise CommitConflictError(f"{uri} changed while it was compared")
            expected = self._committed(version, expected)
        self._count_difference(expected, staged.counts.keys)

    def _committed(self, version: int, expected: merge.Difference) -> merge.Difference:
        """What our MERGE did, by the log; other runs' merges may stand beside it there."""
        found = [
            merge.Difference(
                int(metrics["numTargetRowsInserted"]), max(int(metrics["numTargetRowsUpdated"]) - expected.moved, 0)
            )
            for metrics in self.tables.merge_metrics(self.tables.refreshed(self.table), version)
        ]
        return found[0] if len(found) == 1 else expected

    def _advance(self, rebuilds: int | None, batch: Batch) -> None:
        """Commit the batch's positions, unless the rows that go with them were meanwhile replaced."""

        def commit() -> None:
            uri = self.parameters.table_uri
            table = self.tables.refreshed(self.table)
            known = self.tables.transactions_of(table)
            if known.get(REBUILDS) != rebuilds:
                raise TableRebuiltError(f"{uri} was rebuilt")
            self._check_continues(known, batch)
            self.tables.advance(table, known, batch.positions)

        retry_on_conflict(commit, self.parameters.table_uri)

    def _check_continues(self, known: Mapping[str, int], batch: Batch) -> None:
        """Refuse to go on where a rebuild took the table back behind what the batch goes on from."""
        uri = self.parameters.table_uri
        for name, position in batch.after.items():
            if (reached := known.get(name, NOTHING_TAKEN)) < position:
                raise TransientFailure(
                    f"{uri} stands at {reached} of {name}, and this run goes on after {position}: "
                    "the table was rebuilt from fewer objects.",
                    "Run it again: it then takes what is missing.",
                )

    def _keep_newest(self, staged: Sequence[Staged], uri: str) -> StagedRows:
        """Keep the newest row of each key of staged batches; mostly each key stands once, and nothing is sorted out."""
        first, rows = staged[0], accepted(self._all_of(staged), self.entity)
        taken, keys = first.counts.accepted, first.counts.keys
        if len(staged) > 1:
            taken, keys = only_row(rows.select(F.count(F.lit(1)), F.count_distinct(KEY)))
        if first.in_memory and taken == keys:
            return cast("pa.Table", first.rows).filter(pc.field(decoding.REASON).is_null()).select(self.schema.names)
        kept = materialize(rows if taken == keys else cleaning.newest(rows, self.route), uri, in_memory=first.in_memory)
        if (found := self._rows_of(kept)) != keys:
            raise PermanentFailure(
                f"{self.parameters.stream}: of {keys} keys {found} newest records stand out: one is in two objects.",
                "Look for landed objects whose ranges overlap.",
            )
        return kept

    def _keep_varied(self, staged: Staged, newest: StagedRows) -> StagedRows | None:
        """Keep the keys that a batch holds with other values than their newest; None where there is none."""
        if staged.counts.accepted == staged.counts.keys:
            return None
        rows = accepted(self._all_of([staged]), self.entity).alias("s")
        joined = rows.join(read_rows(self.spark, newest, self.schema).alias("t"), F.expr(f"s.`{KEY}` = t.`{KEY}`"))
        varied = joined.where(merge.values_differ(self.schema)).select(F.col(f"s.{KEY}").alias(KEY)).distinct()
        kept = materialize(varied, self._folder("varied"), in_memory=staged.in_memory)
        return kept if self._rows_of(kept) else None

    def _all_of(self, staged: Sequence[Staged]) -> DataFrame:
        kept = staged[0].rows if staged[0].in_memory else tuple(uri for batch in staged for uri in batch.rows)
        return read_staged(self.spark, kept, self.entity, self.route)

    def _rows_of(self, kept: StagedRows) -> int:
        return sum(map(self.tables.rows_in, kept)) if isinstance(kept, tuple) else kept.num_rows

    def _folder(self, name: str) -> str:
        return f"{self.parameters.staging_uri}/{name}-{uuid.uuid4().hex}"

    def _source(self, newest: StagedRows, varied: StagedRows | None) -> DataFrame:
        """Newest rows, each with whether its key varied."""
        rows = read_rows(self.spark, newest, self.schema)
        if varied is None:
            return rows.withColumn(merge.VARIED, F.lit(False))
        keys = read_rows(self.spark, varied, StructType([self.schema[KEY]]))
        return rows.join(keys.withColumn(merge.VARIED, F.lit(True)), KEY, "left").fillna(False, [merge.VARIED])

    def _compare(
        self, newest: StagedRows, varied: StagedRows | None, conditions: tuple[str, str] | None = None
    ) -> merge.Difference:
        with merge.translate_conflicts(self.parameters.table_uri):
            target = self.spark.read.format("delta").load(self.parameters.table_uri)
            return merge.compare(self._effects(newest, varied, target, conditions))

    def _effects(
        self,
        newest: StagedRows,
        varied: StagedRows | None,
        target: DataFrame,
        conditions: tuple[str, str] | None = None,
    ) -> DataFrame:
        """What a merge of newest rows would do to the rows of the target, key by key."""
        outdated = f"{merge.values_differ(self.schema)} AND {merge.newer(self.route)}"
        changed, moved = conditions or (outdated, merge.source_moved(self.schema, self.route))
        return merge.merge_outcome(self._source(newest, varied), target, changed, moved)

    def _count_difference(self, difference: merge.Difference, rows: int) -> None:
        unchanged = rows - difference.new - difference.changed
        self.totals.update(new=difference.new, changed=difference.changed, unchanged=unchanged)
