"""Clean: landed objects into the Delta table of an entity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.pending import batches, in_order_of_arrival, positions_after
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.pipelines.applied import AppliedObjects, applied_after, applied_since
from pinterest_platform.pipelines.batches import batch_of, with_manifests
from pinterest_platform.pipelines.lakehouse import Lakehouse, table_facts
from pinterest_platform.ports import Progress, TableFacts
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult

_LATE_ATTEMPTS = 3
"""The attempts after a late record; other runs that clean the same table, and implausible times, need more than one."""


@dataclass(frozen=True, slots=True)
class CleanedTable:
    """A cleaned table after a run.

    Attributes:
        facts: its version, rows and columns.
        result: the counts of the run; None if there was nothing to clean.
        positions: its positions by app id.
    """

    facts: TableFacts
    result: CleanResult | None
    positions: Mapping[str, int]


@dataclass(slots=True)
class Cleaner:
    """The cleaning of the landed objects of an entity and a route into their table.

    Attributes:
        entity: whose records.
        route: the route that the records came by.
        lakehouse: settings, bucket, tables and engine.
        run_id: names the run's staging folder.
        progress: gets a line per step.
    """

    entity: Entity
    route: Route
    lakehouse: Lakehouse
    run_id: str
    progress: Progress
    _applied: AppliedObjects | None = field(default=None, init=False)

    def clean_pending(self) -> CleanedTable:
        """Clean the objects after the table's positions; create the table if there is none."""
        uri = self.lakehouse.names.places(self.entity, self.route).table_uri
        positions = self.lakehouse.positions(self.entity, self.route)
        plan = self.plan_pending(positions)
        if plan is None:
            self.progress(f"{uri}: no new objects were landed")
            return CleanedTable(table_facts(self.lakehouse.lake, uri), None, positions or {})
        result = self._run(plan)
        return CleanedTable(table_facts(self.lakehouse.lake, uri), result, result.positions)

    def rebuild(self) -> CleanedTable:
        """Rebuild the table from all landed objects, in one commit (rule P6)."""
        result = self._run_once(self.plan_rebuild())
        uri = self.lakehouse.names.places(self.entity, self.route).table_uri
        return CleanedTable(table_facts(self.lakehouse.lake, uri), result, result.positions)

    def clean(self, segments: Sequence[PendingSegment], positions: Mapping[str, int]) -> CleanResult:
        """Clean these objects; arguments as of `plan`."""
        return self._run(self.plan(segments, positions))

    def plan_pending(self, positions: Mapping[str, int] | None) -> CleanParameters | None:
        """Plan the objects after a table's positions; None if the table has applied all objects.

        `positions` is None if there is no table: a first run creates it, even from no objects.
        """
        segments = self.lakehouse.pending_segments(self.entity, self.route, positions or {})
        if positions is not None and not segments:
            return None
        return self.plan(segments, positions or {})

    def plan_rebuild(self) -> CleanParameters:
        """Plan all landed objects for a table that is rebuilt from them.

        Raises:
            PermanentFailure: the table has applied objects that are gone, so that a rebuild would lose their rows.
        """
        # Read first, so that what is applied meanwhile is among the objects.
        positions = self.lakehouse.positions(self.entity, self.route) or {}
        segments = self.lakehouse.pending_segments(self.entity, self.route, {})
        landed = positions_after(segments)
        ahead = [name for name, position in sorted(positions.items()) if position > landed.get(name, -1)]
        first = {segment.app_id: segment.start for segment in reversed(segments)}
        behind = [name for name, position in sorted(positions.items()) if position >= 0 and first.get(name, 0) > 0]
        if ahead or behind:
            name, uri = (ahead or behind)[0], self.lakehouse.names.places(self.entity, self.route).table_uri
            kept = f"end at {landed.get(name, 'none')}" if ahead else f"begin at {first[name]}"
            raise PermanentFailure(
                f"{uri} has applied {name} up to {positions[name]}, and its landed objects {kept}: a rebuild would "
                "lose rows.",
                "Restore the missing objects, or move the table away: the next run rebuilds it from those that remain.",
            )
        return replace(self.plan(segments, {}), full_refresh=True)

    def plan(self, segments: Sequence[PendingSegment], positions: Mapping[str, int]) -> CleanParameters:
        """Cut landed objects into batches of bounded size, in the order of arrival.

        Args:
            segments: the objects, by app id and in chain order.
            positions: the table's positions before these objects. A table that has fallen back behind them is not
                changed.
        """
        settings, names = self.lakehouse.settings, self.lakehouse.names
        places = names.places(self.entity, self.route)
        ordered = in_order_of_arrival(with_manifests(self.lakehouse, self.route, segments))
        groups = batches(ordered, settings.clean_batch_bytes)
        applied = self._applied if self._applied and self._applied.positions == positions else None
        return CleanParameters(
            entity=self.entity.name,
            stream=places.source,
            batches=_in_order([batch_of(names, group) for group in groups], positions),
            table_uri=places.table_uri,
            quarantine_uri=places.quarantine_uri,
            staging_uri=names.staging_uri(self.entity, self.route, self.run_id),
            io_timeout_seconds=settings.io_timeout_seconds,
            route=self.route.value,
            earlier=applied.batches if applied else (),
            earlier_since_ms=applied.since_ms if applied else None,
        )

    def _run(self, plan: CleanParameters) -> CleanResult:
        """Run a plan; if it ends before a late record, look up what was applied since, and continue (rule P10).

        Raises:
            TransientFailure: other runs cleaned objects again and again meanwhile.
        """
        result = self._run_once(plan)
        for attempt in range(_LATE_ATTEMPTS):
            if result.late_ms is None:
                return result
            self.progress(
                f"{plan.table_uri}: a record arrived before others that the table has applied; they are compared"
            )
            segments = self.lakehouse.pending_segments(self.entity, self.route, result.positions)
            segments = with_manifests(self.lakehouse, self.route, segments)
            times = [part.earliest_ms for part in segments if part.earliest_ms is not None]
            # The earliest time does not include records with an implausible one.
            since_ms = 0 if attempt else min([result.late_ms, *times])
            self._applied = applied_since(self.lakehouse, self.entity, self.route, result.positions, since_ms)
            result = result.plus(self._run_once(self.plan(segments, result.positions)))
        if result.late_ms is None:
            return result
        raise TransientFailure(
            f"{plan.table_uri}: other runs applied objects while late records were compared, "
            f"{_LATE_ATTEMPTS} times in a row.",
            "Check which other runs clean the table, and retry.",
        )

    def _run_once(self, plan: CleanParameters) -> CleanResult:
        self._applied = None
        result = CleanResult.from_json(self.lakehouse.engine.run("clean", plan.to_json(), self.progress))
        self._applied = applied_after(plan, result)
        return result


def _in_order(planned: Sequence[Batch], positions: Mapping[str, int]) -> list[Batch]:
    """Return the batches, each with the positions that the table must have before it; -1 (no object) is left out."""
    reached = {app_id: position for app_id, position in positions.items() if position >= 0}
    ordered: list[Batch] = []
    for batch in planned:
        ordered.append(replace(batch, after=dict(reached)))
        reached |= batch.positions
    return ordered
