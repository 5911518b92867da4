"""The changes that newest rows make to one version of a cleaned table, committed as the next version (rule P3).

The engine reads and writes only the files that hold a replaced row. A MERGE needs six times the computing.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self, cast

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import BooleanType, LongType, StructField, StructType

from pinterest_platform.delta import commits, parquet, replacement
from pinterest_platform.delta.key_lookup import files_with, rows_with
from pinterest_platform.failures import TransientFailure
from pinterest_platform.spark_jobs import merge
from pinterest_platform.spark_jobs.engine_errors import translate_engine_conflicts
from pinterest_platform.spark_jobs.frames import load_delta
from pinterest_platform.spark_jobs.merge import Difference
from pinterest_platform.spark_jobs.staging import NewestRows, StagedBatch, StagedRows, Staging, read_rows
from pinterest_platform.transforms.cleaning import KEY

_OUTCOME = StructType(
    [
        StructField(KEY, LongType()),
        *(StructField(name, BooleanType()) for name in Difference._fields),
        StructField(merge.ARRIVAL, LongType()),
    ]
)
_KEYS = pa.schema(
    [(KEY, pa.int64()), *((name, pa.bool_()) for name in Difference._fields), (merge.ARRIVAL, pa.int64())]
)


class LateKeys(NamedTuple):
    """Keys whose new rows arrived before other records that the table has applied.

    `since_ms` is the arrival time of the first one, in ms since the epoch.
    """

    keys: pa.Table
    since_ms: int


@dataclass(frozen=True)
class TableChanges:
    """The rows of a batch that change one version of a table.

    Attributes:
        staging: the run's staged rows.
        table: the version of the table.
        newest: the newest rows of the batch.
        outcome: the keys of those that change the table, with the columns of `merge.merge_outcome`, for the engine.
        keys: the same in this process's memory; a key needs a tenth of the memory of its record.
    """

    staging: Staging
    uri: str
    table: DeltaTable
    newest: NewestRows
    outcome: StagedRows
    keys: pa.Table

    @classmethod
    def of(cls, staging: Staging, uri: str, table: DeltaTable, staged: Sequence[StagedBatch]) -> Self:
        """Compare the newest rows of a batch's staged parts with an opened version of the table at an address."""
        newest = staging.stage_newest(staged)
        if staged[0].in_memory:
            rows = cast("pa.Table", newest.rows)
            existing = rows_with(table, KEY, rows[KEY])
            if existing.num_rows == 0:
                outcome = _all_new(rows)
                return cls(staging, uri, table, newest, outcome, outcome)
            target = read_rows(staging.spark, existing, staging.origin.cleaned_schema)
        else:
            target = load_delta(staging.spark, uri, table.version())
        newest = staging.with_conflicting_keys(staged, newest)
        route, schema = staging.origin.route, staging.origin.cleaned_schema
        changed, moved = merge.outdated(schema, route), merge.source_moved(schema, route)
        compared = merge.merge_outcome(staging.read_newest(newest), target, changed, moved)
        with translate_engine_conflicts(uri):
            changes = compared.where("new OR changed OR moved")
            outcome = staging.materialize(changes, _OUTCOME, staging.target("outcome"))
        keys = outcome if isinstance(outcome, pa.Table) else parquet.read_folder(staging.tables, outcome[0], _KEYS)
        return cls(staging, uri, table, newest, outcome, keys)

    @cached_property
    def difference(self) -> Difference:
        """The numbers of rows that are inserted or replaced."""
        return Difference(*(self.keys[name].combine_chunks().true_count for name in Difference._fields))

    def late(self, newest_ms: int | None) -> LateKeys | None:
        """Return the keys whose rows change, and arrived not later than an applied record; None if there are none.

        A record of such a key with the values of the table may have been applied without a trace in its row.

        Args:
            newest_ms: the latest arrival time of an applied record, in ms since the epoch; None if it is unknown.
        """
        arrival = pc.field(merge.ARRIVAL)
        is_late = arrival.is_valid() if newest_ms is None else arrival < (newest_ms + 1) * 1000
        late = self.keys.filter(pc.field("changed") & is_late)
        if late.num_rows == 0:
            return None
        return LateKeys(late.select([KEY]), min(late[merge.ARRIVAL].to_pylist()) // 1000)

    def commit(self, transactions: dict[str, int]) -> None:
        """Commit the changes, with `txn` actions, as the next version of the table.

        Raises:
            CommitConflictError: another writer committed first. Written files stay: the commit may have succeeded
                although its response was lost.
            TransientFailure: the engine did not write the rows that it should have.
        """
        replaced = self.keys.filter(~pc.field("new"))
        if replaced.num_rows == 0 and not isinstance(self.newest.rows, tuple):
            is_new = pc.field(KEY).isin(self.keys[KEY].combine_chunks())
            commits.append(self.table, self.newest.rows.filter(is_new), transactions)
            return
        files = files_with(self.table, KEY, replaced[KEY]) if replaced.num_rows else set[str]()
        folder = f"rows-{uuid.uuid4().hex}"
        self.staging.materialize(self._rows(files), self.staging.origin.cleaned_schema, f"{self.uri}/{folder}")
        self._check_written(files, folder)
        replacement.upsert_files(self.staging.tables, self.table, files, folder, transactions)

    def _rows(self, files: set[str]) -> DataFrame:
        """Return the rows that change the table, and those of some of its files that they do not replace."""
        schema, spark = self.staging.origin.cleaned_schema, self.staging.spark
        # Distinct, because another writer's table can have several rows of a key.
        keys = read_rows(spark, self.outcome, _OUTCOME).select(KEY).distinct()
        # The left side of a join is in memory: keys need less than rows.
        rows = keys.join(self.staging.read_newest(self.newest), KEY)
        changing = rows.select(*schema.names)
        if not files:
            return changing
        stored = read_rows(spark, tuple(f"{self.uri}/{name}" for name in sorted(files)), schema).alias("t")
        # A condition on whole rows: another writer's table can have several rows of a key, one of them newer.
        replaces = F.expr(f"t.`{KEY}` = s.`{KEY}` AND {merge.superseded(schema, self.staging.origin.route)}")
        return stored.join(rows.alias("s"), replaces, "left_anti").select(*schema.names).unionByName(changing)

    def _check_written(self, files: set[str], folder: str) -> None:
        """Compare the numbers of rows: to engines, a missing file has no rows."""
        tables = self.staging.tables
        before = parquet.rows_of_files(tables, self.uri, files)
        written_rows = parquet.row_count(tables, f"{self.uri}/{folder}")
        difference = self.difference
        expected = before - difference.changed - difference.moved + len(self.keys[KEY].unique())
        if written_rows != expected:
            raise TransientFailure(
                f"{self.uri}: {written_rows} rows were written instead of {expected}, from {len(files)} "
                "files of the table.",
                "Check whether a file was deleted or changed; if not, retry.",
            )


def _all_new(rows: pa.Table) -> pa.Table:
    flags = {name: pa.array([name == "new"] * rows.num_rows, pa.bool_()) for name in Difference._fields}
    return pa.table({KEY: rows[KEY], **flags, merge.ARRIVAL: pa.nulls(rows.num_rows, pa.int64())}, _KEYS)
