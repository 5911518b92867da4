"""The job `clean`: landed objects into a cleaned table, incrementally or anew (SPEC 6)."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StringType, StructField, StructType

from pinterest_platform.catalog import Route
from pinterest_platform.delta import maintenance, table_cache
from pinterest_platform.delta.conflicts import CommitConflictError, TableRebuiltError, retry_on_conflict
from pinterest_platform.delta.tables import NOTHING_TAKEN, REBUILDS, DeltaTables, without_rebuilds
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.spark_jobs import merge
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult
from pinterest_platform.spark_jobs.staging import Staged, stage
from pinterest_platform.spark_jobs.upsert import TableUpsert
from pinterest_platform.transforms import cleaning, decoding
from pinterest_platform.transforms.schemas import SOURCE_TYPE, STREAM_SOURCE_TYPE

QUARANTINE = {
    route: StructType([*source.fields, StructField("reason", StringType()), StructField("value", StringType())])
    for route, source in ((Route.KAFKA, SOURCE_TYPE), (Route.KINESIS, STREAM_SOURCE_TYPE))
}
"""The tables of records that cleaning rejects: where each stood, why, and its raw line."""

_TIDYING_SECONDS = 5.0


def run(spark: SparkSession, parameters: CleanParameters, progress: Callable[[str], None]) -> CleanResult:
    """Clean every batch; see CleanParameters and CleanResult.

    Raises:
        PermanentFailure: the table has other columns, or a record stands in two objects of a batch.
        TransientFailure: objects cannot be seen, the store does not answer, or every race was lost.
    """
    in_files = parameters.full_refresh or not all(batch.is_small for batch in parameters.batches)
    with _tidied(parameters.staging_uri, progress) if in_files else nullcontext():
        cleaning_run = _Cleaning(spark, parameters, progress)
        return cleaning_run.rebuild() if parameters.full_refresh else cleaning_run.increment()


class _Cleaning(TableUpsert):
    def __init__(self, spark: SparkSession, parameters: CleanParameters, progress: Callable[[str], None]) -> None:
        super().__init__(spark, parameters)
        self.progress = progress
        self.reasons: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter(dict.fromkeys(cleaning.UNREADABLE_FIELDS[self.entity], 0))

    def increment(self) -> CleanResult:
        """Take the batches one by one; what was committed stays, should a later one fail."""
        for number, batch in enumerate(self.parameters.batches, start=1):
            staged = self._stage(number, batch)
            retry_on_conflict(
                partial(self._take, staged, batch), self.parameters.table_uri, CommitConflictError, TableRebuiltError
            )
        return self._result()

    def rebuild(self) -> CleanResult:
        """Stage every batch, then put the newest rows of all in the table's place, with their positions."""
        uri = self.parameters.table_uri
        batches = [replace(batch, size=None) for batch in self.parameters.batches]  # all of them together are large
        staged = [self._stage(number, batch) for number, batch in enumerate(batches, start=1)]
        folder = f"rows-{uuid.uuid4().hex}"
        rows = 0
        if filled := [batch for batch in staged if batch is not None]:
            newest = self._keep_newest(filled, f"{uri}/{folder}")
            rows = self._rows_of(newest)
            differing = (merge.values_differ(self.schema), "FALSE")
            difference = retry_on_conflict(partial(self._compare, newest, None, differing), uri)
            self._count_difference(difference, rows)
        reached = self._reached()

        def commit() -> None:
            table = self.tables.refreshed(self.table)
            if self.tables.holds(table, folder):
                # Adopted again, the same files would be removed and added in one commit, and be gone for some readers.
                return
            known = self.tables.transactions_of(table)
            uncovered = dict.fromkeys(known, NOTHING_TAKEN)
            self.tables.adopt(table, folder, {**uncovered, **reached, REBUILDS: known.get(REBUILDS, 0) + 1})

        retry_on_conflict(commit, uri)
        self.progress(f"{self.entity}: rebuilt with {rows} rows")
        return self._result()

    def _stage(self, number: int, batch: Batch) -> Staged | None:
        """Clean one batch once and keep what is rejected; None where the batch holds no row to take."""
        if not batch.uris:
            return None
        uri = f"{self.parameters.staging_uri}/batch-{number:05d}"
        staged = stage(self.spark, batch, self.entity, self.parameters.stream, uri, self.route)
        counts = staged.counts
        self.totals.update(records=counts.records, quarantined=counts.rejected, keys=counts.keys)
        self.unreadable.update(counts.unreadable)
        if counts.rejected:
            self._quarantine(self._all_of([staged]))
        self.progress(
            f"{self.entity}: batch {number} of {len(self.parameters.batches)}: {counts.records} records, "
            f"{counts.keys} keys, {counts.rejected} quarantined"
        )
        return staged if counts.keys else None

    def _quarantine(self, staged: DataFrame) -> None:
        """Keep what is rejected before anything else is committed, each record once however often it is taken."""
        uri = self.parameters.quarantine_uri
        rejected = staged.where(F.col(decoding.REASON).isNotNull())
        kind = F.split_part(F.col(decoding.REASON), F.lit(":"), F.lit(1)).alias("kind")
        self.reasons.update(
            {row["kind"]: row["n"] for row in rejected.groupBy(kind).agg(F.count("*").alias("n")).collect()}
        )
        rows = rejected.select(
            *(F.col(decoding.SOURCE).getField(name).alias(name) for name in QUARANTINE[self.route].names[:4]),
            F.col(decoding.REASON).alias("reason"),
            F.col(decoding.LINE).alias("value"),
        ).dropDuplicates([*merge.place(self.route)])
        self.tables.ensure(uri, QUARANTINE[self.route])

        def keep() -> None:
            with merge.translate_conflicts(uri):
                lacking = rows.join(_load(self.spark, uri), [*merge.place(self.route)], "left_anti").limit(1).count()
            if lacking:
                merge.merge_positions(self.spark, rows, uri, self.route)

        retry_on_conflict(keep, uri)

    def _reached(self) -> dict[str, int]:
        reached: dict[str, int] = {}
        for batch in self.parameters.batches:
            for name, end in batch.positions.items():
                reached[name] = max(end, reached.get(name, end))
        return reached

    def _result(self) -> CleanResult:
        table = self.tables.refreshed(self.table)
        table_cache.checkin(self.spark, self.tables, self.parameters.table_uri, table)
        return CleanResult(
            **{name: self.totals[name] for name in ("records", "quarantined", "keys", "new", "changed", "unchanged")},
            reasons=dict(self.reasons),
            unreadable=dict(self.unreadable),
            version=table.version(),
            rows=self.tables.row_count(table),
            positions=without_rebuilds(self.tables.transactions_of(table)),
            small_files=maintenance.small_files(table),
        )


@contextmanager
def _tidied(staging_uri: str, progress: Callable[[str], None]) -> Iterator[None]:
    """Leave no staged files; a failure stays the failure it was, and what is committed is done even if they stay."""
    try:
        yield
    except BaseException:
        with suppress(PlatformFailure):
            DeltaTables(_TIDYING_SECONDS).delete_folder(staging_uri)
        raise
    try:
        DeltaTables(_TIDYING_SECONDS).delete_folder(staging_uri)
    except PlatformFailure as failure:
        progress(f"all is committed, but staged files stay at {staging_uri} and can be deleted: {failure}")


def _load(spark: SparkSession, uri: str) -> DataFrame:
    return spark.read.format("delta").load(uri)
