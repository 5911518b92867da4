"""Micro-batches: what a stream holds is landed and cleaned, again and again, by one pipeline per entity."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PlatformFailure, joined
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.landing.size import LandedSize
from pinterest_platform.messages import counted
from pinterest_platform.pipelines.clean import Cleaner
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.landers import Lander
from pinterest_platform.pipelines.soundness import require_sound
from pinterest_platform.pipelines.totals import Totals
from pinterest_platform.ports import Progress, TableFacts
from pinterest_platform.spark_jobs.parameters import CleanResult

COMPACT_AT = 16
"""Small files at which a drain compacts a table: one compaction costs about as much as they cost that many upserts."""


class Pipeline(Protocol):
    """The path of one entity from its stream into its table, on one route.

    Attributes:
        entity: the entity.
        route: the route.
        stream: the topic or stream.
        totals: counts since the pipeline began.
        positions: the positions of the table by app id.
    """

    entity: Entity
    route: Route
    stream: str
    totals: Totals
    positions: Mapping[str, int]

    def run_batch(self) -> int:
        """Land what the stream holds and clean it; return how many records were landed or cleaned.

        Raises:
            PermanentFailure: offsets were lost, the table fails a blocking check, or another decision of the operator
                is needed.
            TransientFailure: an outside system did not respond.
        """
        ...

    def land_batch(self) -> int:
        """Land what the stream holds without the table; return how many records were landed.

        It raises as `run_batch` does, but for no fault of the table.
        """
        ...

    def landed_size(self) -> LandedSize:
        """Return the number and bytes of all landed objects."""
        ...

    def facts(self) -> TableFacts | None:
        """Return version, rows and columns of the table; None if there is no table."""
        ...

    def rows(self, limit: int) -> list[dict[str, Any]]:
        """Return the first rows of the table; raise PermanentFailure if there is no table."""
        ...


class EntityPipeline:
    """The pipeline of one entity; it reads positions once, and then takes them from each cleaning.

    Args:
        entity: whose stream.
        lander: lands the stream.
        lakehouse: settings, bucket, tables and engine.
        run_id: names staging folders.
        progress: gets a line per landing and cleaning.
    """

    def __init__(self, entity: Entity, lander: Lander, lakehouse: Lakehouse, run_id: str, progress: Progress) -> None:
        places = lakehouse.names.places(entity, lander.route)
        self.entity = entity
        self.route = lander.route
        self.stream = places.source
        self.totals = Totals()
        self.positions: Mapping[str, int] = {}
        self._table_uri = places.table_uri
        self._lander = lander
        self._lakehouse = lakehouse
        self._cleaner = Cleaner(entity, lander.route, lakehouse, run_id, progress)
        self._progress = progress
        self._landed_before: LandedSize | None = None
        self._has_table = False
        self._has_started = False
        self._unreadable: PlatformFailure | None = None
        self._is_sound = False
        self._uncompactable = 0

    def run_batch(self) -> int:
        """Land what the stream holds and clean it; see `Pipeline.run_batch`."""
        try:
            return self._run_batch()
        except PlatformFailure:
            # The next batch reads positions and lists landed objects like the first one.
            self._has_started = False
            raise

    def land_batch(self) -> int:
        """Land what the stream holds without the table; see `Pipeline.land_batch`."""
        positions = None if self._unreadable else self.positions
        landed = self._lander.land(self.stream, self._lakehouse.objects, positions, self._progress)
        self.totals.add_landed(landed)
        return landed.records + landed.quarantined

    def landed_size(self) -> LandedSize:
        """Return the number and bytes of all landed objects; after the first call, those of this run are added."""
        totals = self.totals
        if self._landed_before is None:
            size = self._lakehouse.landed_size(self.entity, self.route)
            self._landed_before = LandedSize(size.objects - totals.objects, size.bytes - totals.bytes)
        return self._landed_before + LandedSize(totals.objects, totals.bytes)

    def facts(self) -> TableFacts | None:
        """Return version, rows and columns of the table; None if there is no table."""
        return self._lakehouse.lake.facts(self._table_uri)

    def rows(self, limit: int) -> list[dict[str, Any]]:
        """Return the first rows of the table; raise PermanentFailure if there is no table."""
        return self._lakehouse.lake.rows(self._table_uri, limit)

    def _run_batch(self) -> int:
        if not self._has_started:
            self._read_positions()
        objects = self._lakehouse.objects
        positions = None if self._unreadable else self.positions
        try:
            landed = self._lander.land(self.stream, objects, positions, self._progress)
        except PlatformFailure as failure:
            self._clean_landed_after(failure)
            raise
        self.totals.add_landed(landed)
        self._require_table()
        # Objects of earlier runs are listed once. Later, objects that this run did not land belong to another run.
        list_pending = self._lander.pending_after_landing if self._has_started else self._lander.pending
        segments = list_pending(self.stream, objects, self.positions)
        self._has_started = True
        if self._has_table and not segments:
            return 0
        cleaned = self._clean(segments)
        landed_records = landed.records + landed.quarantined
        return landed_records if landed_records else cleaned.records

    def _read_positions(self) -> None:
        """Read the positions of the table; a failure is raised after the stream is landed."""
        self._unreadable = None
        try:
            positions = self._lakehouse.lake.positions(self._table_uri)
        except PlatformFailure as failure:
            self._progress(f"{self.stream} is landed without the positions of its table: {failure}")
            self._unreadable = failure
            return
        self._has_table = positions is not None
        self.positions = positions or {}

    def _require_table(self) -> None:
        """Require a table that can be read and that passed its blocking checks when the drain began."""
        if self._unreadable:
            raise self._unreadable
        if self._has_table and not self._is_sound:
            require_sound(self._lakehouse, [self.entity], self.route, self._progress)
        self._is_sound = True

    def _clean_landed_after(self, failure: PlatformFailure) -> None:
        """Clean the landed objects of the partitions or shards that have not failed."""
        try:
            self._require_table()
            if segments := self._lander.pending(self.stream, self._lakehouse.objects, self.positions):
                self._clean(segments)
        except PlatformFailure as other:
            raise joined([failure, other]) from failure

    def _clean(self, segments: Sequence[PendingSegment]) -> CleanResult:
        result = self._cleaner.clean(segments, self.positions)
        self._has_table = True
        self.positions = result.positions
        self.totals.add_cleaned(result)
        self._compact(result.small_files)
        return result

    def _compact(self, small_files: int) -> None:
        """Compact the table if it has many small files, because every upsert reads the keys of all files."""
        if small_files < COMPACT_AT + self._uncompactable:
            self._uncompactable = min(self._uncompactable, small_files)
            return
        compacted = self._lakehouse.lake.compact(self._table_uri)
        # After a compaction without effect, the next attempt waits until as many files are added.
        self._uncompactable = 0 if compacted else small_files
        outcome = f"{counted(compacted, 'small file')} compacted" if compacted else "no small files compacted"
        self._progress(f"{self._table_uri}: {outcome}")
