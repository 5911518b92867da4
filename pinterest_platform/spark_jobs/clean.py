"""The job `clean`: landed objects into a cleaned table, incrementally or as a rebuild (rules C1 to C21)."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

from pyspark.sql import SparkSession

from pinterest_platform.delta.maintenance import small_files
from pinterest_platform.delta.positions import newest_arrival, positions_in
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.messages import counted
from pinterest_platform.spark_jobs.applied_batches import AppliedBatches, LateRecordError
from pinterest_platform.spark_jobs.engine_errors import retry_outages
from pinterest_platform.spark_jobs.origin import RecordOrigin
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult
from pinterest_platform.spark_jobs.quarantine import quarantine, reasons, rejected
from pinterest_platform.spark_jobs.staging import StagedBatch, Staging, rows_of_group
from pinterest_platform.spark_jobs.upsert import TableUpsert
from pinterest_platform.transforms import cleaning

_DELETE_SECONDS = 5.0
_RECORDS_PER_COMMIT = 3_000_000
"""Records of batches in files that are upserted together: each commit compares with the whole table, and most rewrite
it. The memory grows with them."""

_RECORDS_OF_FIRST_COMMIT = 12_000_000
"""The same of the first commit of a table, which compares with no row."""

_RECORD_BYTES = 768
"""A record that is larger counts as several, so that the bytes of a commit are bounded, too."""


def run(spark: SparkSession, parameters: CleanParameters, progress: Callable[[str], None]) -> CleanResult:
    """Clean every batch; see CleanParameters and CleanResult.

    Raises:
        PermanentFailure: the table has other columns, or a record is in two objects of a batch.
        TransientFailure: objects are missing, the store does not respond, or every attempt to commit met a conflict.
    """
    clean_run = CleanRun(spark, parameters, progress)
    with _deleted_afterwards(parameters.staging_uri, progress) if clean_run.in_files else nullcontext():
        return clean_run.rebuild() if parameters.full_refresh else clean_run.increment()


class CleanRun:
    """One run of the job: batches are staged, rejected records quarantined, and the others upserted.

    Args:
        spark: the session.
        parameters: the job's parameters.
        progress: gets a line for each batch.

    Attributes:
        in_files: whether batches are staged in files; batches that are small one by one can be large together.
    """

    def __init__(self, spark: SparkSession, parameters: CleanParameters, progress: Callable[[str], None]) -> None:
        self._parameters = parameters
        self.in_files = parameters.full_refresh or not all(batch.is_small for batch in parameters.batches)
        self._batches = parameters.batches
        self._progress = progress
        self._origin = RecordOrigin.of(parameters)
        self._tables = DeltaTables(parameters.io_timeout_seconds)
        uri = parameters.staging_uri if self.in_files else None
        self._staging = Staging(spark, self._tables, self._origin, uri, rows_of_group(self._batches))
        self._upsert = TableUpsert(self._staging, parameters.table_uri, AppliedBatches(parameters))
        self._late_ms: int | None = None
        self._store_seconds = parameters.io_timeout_seconds
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        fields = cleaning.UNREADABLE_FIELDS[self._origin.entity]
        self._unreadable: Counter[str] = Counter(dict.fromkeys(fields, 0))

    def increment(self) -> CleanResult:
        """Stage and upsert the batches, in files several at once; committed ones stay if a later one fails.

        The run ends before a batch with a late record if the objects to compare it with are not known.
        """
        number = 1
        for batches in self._commits():
            before = self._counts.copy(), self._reasons.copy(), self._unreadable.copy()
            staged = self._stage_all(batches, number)
            try:
                retry_outages(partial(self._upsert.apply, batches, staged), self._store_seconds)
            except LateRecordError as late:
                self._late_ms = late.late_ms
                self._counts, self._reasons, self._unreadable = before
                break
            number += len(batches)
        return self._result()

    def _commits(self) -> Iterator[list[Batch]]:
        """Yield the batches of each commit: one in memory, or consecutive ones in files with few records."""
        commit: list[Batch] = []
        records = 0
        is_first = not any(batch.after for batch in self._batches[:1])
        most = _RECORDS_OF_FIRST_COMMIT if is_first else _RECORDS_PER_COMMIT
        for batch in self._batches:
            is_bounded = self.in_files and batch.records is not None
            counted_records = max(batch.records or 0, (batch.size or 0) // _RECORD_BYTES) if is_bounded else most
            if commit and records + counted_records > most:
                yield commit
                commit, records, most = [], 0, _RECORDS_PER_COMMIT
            commit.append(batch)
            records += counted_records
        if commit:
            yield commit

    def rebuild(self) -> CleanResult:
        """Stage every batch, then replace the table's rows and positions in one commit (rule P6)."""
        staged, positions = self._stage_all(self._batches, 1), Batch.joined(self._batches).positions
        rows = retry_outages(partial(self._upsert.rebuild, staged, positions), self._store_seconds)
        self._progress(f"{self._origin.entity}: rebuilt with {counted(rows, 'row')}")
        return self._result()

    def _stage_all(self, batches: Sequence[Batch], first: int) -> list[StagedBatch]:
        """Stage batches, of which the first has a number; those without an accepted record are left out."""
        staged = [self._stage(number, batch) for number, batch in enumerate(batches, start=first)]
        return [batch for batch in staged if batch is not None]

    def _stage(self, number: int, batch: Batch) -> StagedBatch | None:
        """Clean one batch and quarantine its rejected records; return None if it has no accepted record."""
        if not batch.uris:
            return None
        staged = retry_outages(partial(self._staging.stage, batch, f"batch-{number:05d}"), self._store_seconds)
        counts = staged.counts
        self._counts.update(records=counts.records, quarantined=counts.rejected)
        self._unreadable.update(counts.unreadable)
        if counts.rejected:
            records = rejected(self._staging.read([staged]))
            self._reasons.update(retry_outages(partial(reasons, records), self._store_seconds))
            write = partial(quarantine, self._tables, self._parameters.quarantine_uri, records, self._origin.route)
            retry_outages(write, self._store_seconds)
        self._progress(
            f"{self._origin.entity}: batch {number} of {len(self._batches)}: {counted(counts.records, 'record')}, "
            f"{counted(counts.keys, 'key')}, {counts.rejected:,} quarantined"
        )
        return staged if counts.keys else None

    def _result(self) -> CleanResult:
        table = self._upsert.finish()
        counts = self._counts.copy()
        counts.update(self._upsert.counts)
        transactions = self._tables.transactions_of(table)
        return CleanResult(
            **{name: counts[name] for name in ("records", "quarantined", "keys", "new", "changed", "unchanged")},
            reasons=dict(self._reasons),
            unreadable=dict(self._unreadable),
            version=table.version(),
            rows=self._tables.row_count(table),
            positions=positions_in(transactions),
            small_files=small_files(table),
            foreign_commits=self._tables.foreign_commits(table, transactions),
            newest_ms=newest_arrival(transactions),
            late_ms=self._late_ms,
        )


@contextmanager
def _deleted_afterwards(staging_uri: str, progress: Callable[[str], None]) -> Iterator[None]:
    """Delete staged files after the block; if that fails, the block's own result or failure stays."""
    try:
        yield
    except BaseException:
        with suppress(PlatformFailure):
            DeltaTables(_DELETE_SECONDS).delete_folder(staging_uri)
        raise
    try:
        DeltaTables(_DELETE_SECONDS).delete_folder(staging_uri)
    except PlatformFailure as failure:
        progress(f"all rows are committed, but staged files at {staging_uri} remain and can be deleted: {failure}")
