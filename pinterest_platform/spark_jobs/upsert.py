"""Upsert of staged batches into a cleaned table that other runs may write to (rules P1 to P8)."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from deltalake import DeltaTable

from pinterest_platform.delta import commits, replacement, table_cache
from pinterest_platform.delta.conflicts import retry_on_conflict
from pinterest_platform.delta.features import require_writable
from pinterest_platform.delta.positions import NEWEST_ARRIVAL, NO_POSITION, REBUILDS, newest_arrival
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.spark_jobs import merge
from pinterest_platform.spark_jobs.applied_batches import AppliedBatches
from pinterest_platform.spark_jobs.changes import TableChanges
from pinterest_platform.spark_jobs.engine_errors import engine_errors, is_unreadable_file, translate_engine_conflicts
from pinterest_platform.spark_jobs.frames import load_delta
from pinterest_platform.spark_jobs.merge import Difference
from pinterest_platform.spark_jobs.parameters import Batch
from pinterest_platform.spark_jobs.staging import NewestRows, StagedBatch, Staging
from pinterest_platform.transforms.quality import schema_differences


class TableUpsert:
    """The changes of one run to one cleaned table, which is created if it does not exist.

    Args:
        staging: the run's staged rows.
        uri: the table.
        applied: the applied objects that the run knows.

    Attributes:
        counts: the `keys` of the commits, and the rows that are `new`, `changed` and `unchanged`.

    Raises:
        PermanentFailure: the table has other columns than cleaning writes.
    """

    def __init__(self, staging: Staging, uri: str, applied: AppliedBatches) -> None:
        self.counts: Counter[str] = Counter()
        self._staging = staging
        self._tables = staging.tables
        self._origin = staging.origin
        self._uri = uri
        self._applied = applied
        cached = table_cache.check_out(staging.spark, self._tables, uri)
        self._table = cached or self._tables.ensure(uri, self._origin.cleaned_schema)
        self._require_columns()

    def apply(self, batches: Sequence[Batch], staged: Sequence[StagedBatch]) -> None:
        """Upsert batches, of which those that have rows are staged, and commit their positions.

        A batch that was applied before changes nothing, so conflicts and rebuilds are retried.

        Raises:
            LateRecordError: a record arrived before others that the table has applied, and their objects are not known.
        """
        work = partial(self._apply, Batch.joined(batches), staged)
        retry_on_conflict(work, self._uri)
        self._applied.add(batches)

    def rebuild(self, staged: Sequence[StagedBatch], positions: Mapping[str, int]) -> int:
        """Replace all rows by the newest rows of batches in files, and all positions, in one commit.

        Returns:
            The number of rows.
        """
        folder, rows = f"rows-{uuid.uuid4().hex}", 0
        if staged:
            newest = self._staging.stage_newest(staged, f"{self._uri}/{folder}")
            rows = newest.keys
            self._count(self._rebuild_difference(newest), rows)

        def commit() -> None:
            table = self._tables.refreshed(self._table)
            self._require_columns()
            if replacement.contains_folder(table, folder):
                # The files are committed. A second commit would remove and add them, and some readers would lose them.
                return
            transactions = self._tables.transactions_of(table)
            uncovered = dict.fromkeys(transactions, NO_POSITION)
            newest_ms = _newest_ms(staged)
            ends = {
                **uncovered,
                **positions,
                REBUILDS: transactions.get(REBUILDS, 0) + 1,
                NEWEST_ARRIVAL: NO_POSITION if newest_ms is None else newest_ms,
            }
            replacement.replace_with_files(self._tables, table, folder, ends)

        retry_on_conflict(commit, self._uri)
        return rows

    def finish(self) -> DeltaTable:
        """Return the table at its newest version, and leave it to the session's next job."""
        table = self._tables.refreshed(self._table)
        table_cache.check_in(self._staging.spark, self._tables, self._uri, table)
        return table

    def _apply(self, batch: Batch, staged: Sequence[StagedBatch]) -> None:
        table = self._tables.refreshed(self._table)
        require_writable(table)
        self._require_columns()
        transactions = self._tables.transactions_of(table)
        self._check_continues(transactions, batch)
        self._applied.begin(transactions)
        newest_ms = self._applied.newest_ms(transactions, _newest_ms(staged))
        reached = {name: max(end, transactions.get(name, end)) for name, end in batch.positions.items()}
        if newest_ms is not None:
            reached[NEWEST_ARRIVAL] = newest_ms
        if not staged:
            commits.advance(table, transactions, reached)
        elif not staged[0].in_memory and not table.file_uris():  # counts of rows can be missing in a log
            self._fill(staged, table, {**transactions, **reached})
        else:
            changes = self._changes(table, staged, batch, transactions)
            if any(changes.difference):
                changes.commit({**transactions, **reached})
            else:
                # As the next version: after the commit of another run, the rows can differ.
                commits.advance(table, transactions, reached)
            self._count(changes.difference, changes.newest.keys)

    def _changes(
        self, table: DeltaTable, staged: Sequence[StagedBatch], batch: Batch, transactions: Mapping[str, int]
    ) -> TableChanges:
        """Compare a batch with the table; keys with late records are compared with their applied records, too."""
        changes = TableChanges.of(self._staging, self._uri, table, staged)
        late = changes.late(newest_arrival(transactions))
        if late is None:
            return changes
        earlier = self._applied.since(late.since_ms, batch, transactions)
        if not earlier:
            return changes
        return TableChanges.of(self._staging, self._uri, table, self._staging.with_applied(staged, earlier, late.keys))

    def _require_columns(self) -> None:
        """Refuse a table with other columns; another program can alter one that an earlier job opened."""
        if differences := schema_differences(self._tables.schema(self._table), self._origin.cleaned_schema):
            raise PermanentFailure(
                f"The table {self._uri} has other columns than cleaning writes: {'; '.join(differences)}.",
                "Find what else writes to the table; then move it away: the next run recreates it.",
            )

    def _fill(self, staged: Sequence[StagedBatch], table: DeltaTable, transactions: Mapping[str, int]) -> None:
        """Commit rows in files to an empty table, with the positions; there is nothing to compare them with."""
        folder = f"rows-{uuid.uuid4().hex}"
        newest = self._staging.stage_newest(staged, f"{self._uri}/{folder}")
        # The files stay after a conflict: the commit may have succeeded although its response was lost.
        replacement.replace_with_files(self._tables, table, folder, transactions)
        self._count(Difference(newest.keys, 0), newest.keys)

    def _check_continues(self, transactions: Mapping[str, int], batch: Batch) -> None:
        """Refuse a batch if a rebuild set the table back behind the positions after which the batch begins."""
        for name, position in batch.after.items():
            if (reached := transactions.get(name, NO_POSITION)) < position:
                raise TransientFailure(
                    f"{self._uri} has applied {name} up to {reached}, and this run would continue after {position}: "
                    "the table was rebuilt from fewer objects.",
                    "Retry: the next run cleans the missing objects.",
                )

    def _rebuild_difference(self, newest: NewestRows) -> Difference:
        """Compare newest rows with the table; unlike a merge, a rebuild changes rows that are newer, too.

        All rows are new to a table that cannot be read: a rebuild also repairs one whose files are lost or damaged.
        """

        def compare() -> Difference:
            source = self._staging.read_newest(newest)
            with translate_engine_conflicts(self._uri):
                target = load_delta(self._staging.spark, self._uri)
                changed = merge.values_differ(self._origin.cleaned_schema)
                return merge.count_outcome(merge.merge_outcome(source, target, changed, "FALSE"))

        try:
            return retry_on_conflict(compare, self._uri)
        except engine_errors() as error:
            if not is_unreadable_file(error):
                raise
            return Difference(newest.keys, 0)

    def _count(self, difference: Difference, keys: int) -> None:
        unchanged = keys - difference.new - difference.changed
        self.counts.update(keys=keys, new=difference.new, changed=difference.changed, unchanged=unchanged)


def _newest_ms(staged: Sequence[StagedBatch]) -> int | None:
    """Return the latest arrival time of staged rows, in ms since the epoch; None if none has one."""
    return max((batch.counts.newest_ms for batch in staged if batch.counts.newest_ms is not None), default=None)
