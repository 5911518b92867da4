"""The job `clean`: landed objects into a cleaned table, incrementally or anew (SPEC 6)."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StringType, StructField, StructType

from pinterest_platform.entities import Entity, Route
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.schemas import SOURCE_TYPE, STREAM_SOURCE_TYPE, cleaned_schema
from pinterest_platform.spark_jobs import merging
from pinterest_platform.spark_jobs.delta_log import NOTHING_TAKEN, REBUILDS, DeltaTables
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult
from pinterest_platform.spark_jobs.racing import LostRaceError, RebuiltError, again_if_lost
from pinterest_platform.spark_jobs.staging import accepted, only_row, read_staged, stage
from pinterest_platform.transforms import cleaning, decoding
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.quality import schema_differences

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
    with _tidied(parameters.staging_uri, progress):
        cleaning_run = _Cleaning(spark, parameters, progress)
        return cleaning_run.rebuild() if parameters.full_refresh else cleaning_run.increment()


class _Cleaning:
    def __init__(self, spark: SparkSession, parameters: CleanParameters, progress: Callable[[str], None]) -> None:
        self.spark = spark
        self.parameters = parameters
        self.progress = progress
        self.entity = Entity(parameters.entity)
        self.route = Route(parameters.source)
        self.schema = cleaned_schema(self.entity, self.route)
        self.tables = DeltaTables(parameters.io_timeout_seconds)
        self.totals: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter(dict.fromkeys(cleaning.UNREADABLE_FIELDS[self.entity], 0))
        table = self.tables.ensure(parameters.table_uri, self.schema)
        if differences := schema_differences(self.tables.schema(table), self.schema):
            raise PermanentFailure(
                f"The table {parameters.table_uri} has other columns than cleaning writes: {'; '.join(differences)}.",
                "Move the table away and run a full refresh.",
            )

    def increment(self) -> CleanResult:
        """Take the batches one by one; what was committed stays, should a later one fail."""
        for number, batch in enumerate(self.parameters.batches, start=1):
            staged = self._stage(number, batch)
            again_if_lost(partial(self._take, staged, batch), self.parameters.table_uri, LostRaceError, RebuiltError)
        return self._result()

    def rebuild(self) -> CleanResult:
        """Stage every batch, then put the newest rows of all in the table's place, with their positions."""
        uri = self.parameters.table_uri
        staged = [self._stage(number, batch) for number, batch in enumerate(self.parameters.batches, start=1)]
        dirs = [place for place in staged if place is not None]
        folder = f"rows-{uuid.uuid4().hex}"
        rows = self._write_newest(dirs, f"{uri}/{folder}")
        if rows:
            compare = partial(self._compare, f"{uri}/{folder}", merging.differs(self.schema))
            difference = again_if_lost(compare, uri)
            self._count_difference(difference, rows)
        reached = self._reached()

        def commit() -> None:
            table = self.tables.existing(uri)
            if self.tables.holds(table, folder):
                # Adopted again, the same files would be removed and added in one commit, and be gone for some readers.
                return
            known = self.tables.transactions(uri) or {}
            uncovered = dict.fromkeys(known, NOTHING_TAKEN)
            self.tables.adopt(table, folder, {**uncovered, **reached, REBUILDS: known.get(REBUILDS, 0) + 1})

        again_if_lost(commit, uri)
        self.progress(f"{self.entity}: rebuilt with {rows} rows")
        return self._result()

    def _stage(self, number: int, batch: Batch) -> str | None:
        """Clean one batch into files and keep what is rejected; None where the batch holds no line."""
        if not batch.uris:
            return None
        uri = f"{self.parameters.staging_uri}/batch-{number:05d}"
        counts = stage(self.spark, batch, self.entity, self.parameters.stream, uri, self.route)
        self.totals.update(records=counts.records, quarantined=counts.rejected, keys=counts.keys)
        self.unreadable.update(counts.unreadable)
        if counts.rejected:
            self._quarantine(read_staged(self.spark, [uri], self.entity, self.route))
        self.progress(
            f"{self.entity}: batch {number} of {len(self.parameters.batches)}: {counts.records} records, "
            f"{counts.keys} keys, {counts.rejected} quarantined"
        )
        return uri if counts.keys else None

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
        ).dropDuplicates([*merging.place(self.route)])
        self.tables.ensure(uri, QUARANTINE[self.route])

        def keep() -> None:
            with merging.racing(uri):
                lacking = rows.join(_load(self.spark, uri), [*merging.place(self.route)], "left_anti").limit(1).count()
            if lacking:
                merging.merge_positions(self.spark, rows, uri, self.route)

        again_if_lost(keep, uri)

    def _take(self, staged: str | None, batch: Batch) -> None:
        """Bring the table up to one staged batch. Doing it again changes nothing, so a lost race is simply redone."""
        uri = self.parameters.table_uri
        table = self.tables.existing(uri)
        known = self.tables.transactions(uri) or {}
        self._check_continues(known, batch)
        if staged is None:
            self._advance(known.get(REBUILDS), batch)
        elif self.tables.row_count(table) == 0:
            # MERGE into an empty table costs five times as much as this, which also commits the positions.
            folder = f"rows-{uuid.uuid4().hex}"
            rows = self._write_newest([staged], f"{uri}/{folder}")
            ahead = {name: max(end, known.get(name, end)) for name, end in batch.positions.items()}
            # A commit that seems lost may stand all the same, so its files do too; without it, no reader sees them.
            self.tables.adopt(table, folder, {**known, **ahead})
            self.totals.update(new=rows)
        else:
            self._merge(staged, table.version())
            self._advance(known.get(REBUILDS), batch)

    def _merge(self, staged: str, version: int) -> None:
        uri, newest = self.parameters.table_uri, f"{staged}-newest"
        rows = self._write_newest([staged], newest)
        outdated = f"{merging.differs(self.schema)} AND {merging.newer(self.route)}"
        moved = merging.moves(self.schema, self.route)
        varied = self._write_varied(staged, newest, f"{staged}-varied")
        difference = self._compare(newest, outdated, varied, moved)
        if any(difference):
            update = difference.changed + difference.moved > 0
            merging.merge_newest(self.spark, self._source(newest, varied), uri, self.schema, update, self.route)
            if any(self._compare(newest, outdated, varied, moved)):
                # An older row of a key that was new to us came in between.
                raise LostRaceError(f"{uri} changed while it was compared")
            difference = self._committed(version, difference)
        self._count_difference(difference, rows)

    def _committed(self, version: int, expected: merging.Difference) -> merging.Difference:
        """What our MERGE did, by the log; other runs' merges may stand beside it there."""
        found = [
            merging.Difference(
                int(metrics["numTargetRowsInserted"]), max(int(metrics["numTargetRowsUpdated"]) - expected.moved, 0)
            )
            for metrics in self.tables.merge_metrics(self.parameters.table_uri, version)
        ]
        return found[0] if len(found) == 1 else expected

    def _advance(self, rebuilds: int | None, batch: Batch) -> None:
        """Commit the batch's positions, unless the rows that go with them were meanwhile replaced."""

        def commit() -> None:
            uri = self.parameters.table_uri
            table = self.tables.existing(uri)
            known = self.tables.transactions(uri) or {}
            if known.get(REBUILDS) != rebuilds:
                raise RebuiltError(f"{uri} was rebuilt")
            self._check_continues(known, batch)
            self.tables.advance(table, known, batch.positions)

        again_if_lost(commit, self.parameters.table_uri)

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

    def _write_newest(self, staged: list[str], uri: str) -> int:
        """Write the newest row of each key of staged batches as Parquet; returns their number."""
        if not staged:
            return 0
        rows = accepted(read_staged(self.spark, staged, self.entity, self.route), self.entity)
        counted = only_row(rows.select(F.count(F.lit(1)).alias("rows"), F.count_distinct(cleaning.KEY).alias("keys")))
        # Mostly each key stands once: then nothing has to be sorted out.
        winners = rows if counted["rows"] == counted["keys"] else cleaning.newest(rows, self.route)
        winners.write.mode("overwrite").parquet(uri)
        written = self.tables.rows_in(uri)
        if written != counted["keys"]:
            raise PermanentFailure(
                f"{self.parameters.stream}: of {counted['keys']} keys {written} newest records stand out: "
                "one is in two objects.",
                "Look for landed objects whose ranges overlap.",
            )
        return written

    def _read_newest(self, uri: str) -> DataFrame:
        return self.spark.read.schema(self.schema).parquet(uri)

    def _write_varied(self, staged: str, newest: str, uri: str) -> str | None:
        """Write the keys that a batch holds with other values than their newest; None where there is none."""
        rows = accepted(read_staged(self.spark, [staged], self.entity, self.route), self.entity)
        joined = rows.alias("s").join(self._read_newest(newest).alias("t"), F.expr(f"s.`{KEY}` = t.`{KEY}`"))
        varied = joined.where(merging.differs(self.schema)).select(F.col(f"s.{KEY}").alias(KEY)).distinct()
        varied.write.mode("overwrite").parquet(uri)
        return uri if self.tables.rows_in(uri) else None

    def _source(self, newest: str, varied: str | None) -> DataFrame:
        """Newest rows, each with whether its key varied."""
        rows = self._read_newest(newest)
        if varied is None:
            return rows.withColumn(merging.VARIED, F.lit(False))
        keys = self.spark.read.schema(StructType([self.schema[KEY]])).parquet(varied)
        return rows.join(keys.withColumn(merging.VARIED, F.lit(True)), KEY, "left").fillna(False, [merging.VARIED])

    def _compare(
        self, newest: str, condition: str, varied: str | None = None, moved: str = "FALSE"
    ) -> merging.Difference:
        uri = self.parameters.table_uri
        with merging.racing(uri):
            return merging.compare(self._source(newest, varied), _load(self.spark, uri), condition, moved)

    def _count_difference(self, difference: merging.Difference, rows: int) -> None:
        unchanged = rows - difference.new - difference.changed
        self.totals.update(new=difference.new, changed=difference.changed, unchanged=unchanged)

    def _reached(self) -> dict[str, int]:
        reached: dict[str, int] = {}
        for batch in self.parameters.batches:
            for name, end in batch.positions.items():
                reached[name] = max(end, reached.get(name, end))
        return reached

    def _result(self) -> CleanResult:
        table = self.tables.existing(self.parameters.table_uri)
        return CleanResult(
            **{name: self.totals[name] for name in ("records", "quarantined", "keys", "new", "changed", "unchanged")},
            reasons=dict(self.reasons),
            unreadable=dict(self.unreadable),
            version=table.version(),
            rows=self.tables.row_count(table),
            positions=self.tables.positions(self.parameters.table_uri) or {},
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
