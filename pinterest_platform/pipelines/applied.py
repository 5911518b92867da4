"""The objects that a table has applied, as far as a late record is compared with them (rule P10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.pipelines.batches import batch_of
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.wings import wing_of
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult

_REMEMBERED = 64
"""The batches that a drain remembers."""


@dataclass(frozen=True, slots=True)
class AppliedObjects:
    """The objects that a table with some positions has applied, all of those with a record from some time on.

    Attributes:
        positions: the positions of the table.
        since_ms: the time, in ms since the epoch.
        batches: the objects.
    """

    positions: Mapping[str, int]
    since_ms: int
    batches: Sequence[Batch] = ()


def applied_after(plan: CleanParameters, result: CleanResult) -> AppliedObjects | None:
    """Return what is known of the applied objects after a run; None if it is nothing."""
    expected = {name: end for batch in plan.batches for name, end in {**batch.after, **batch.positions}.items()}
    is_as_planned = {name: end for name, end in result.positions.items() if end >= 0} == expected
    if plan.earlier_since_ms is not None and is_as_planned:
        known = [*plan.earlier, *(batch for batch in plan.batches if batch.uris)]
        forgotten = [time for batch in known[:-_REMEMBERED] for time in batch.latest_ms]
        times = [time for time in forgotten if time is not None]
        if len(times) == len(forgotten):
            since_ms = max([plan.earlier_since_ms, *(time + 1 for time in times)])
            return AppliedObjects(result.positions, since_ms, known[-_REMEMBERED:])
    return None if result.newest_ms is None else AppliedObjects(result.positions, result.newest_ms + 1)


def applied_since(
    lakehouse: Lakehouse, entity: Entity, route: Route, positions: Mapping[str, int], since_ms: int
) -> AppliedObjects:
    """Look up the objects that a table has applied, and that have a record from some time on.

    Arrival times never decrease along a chain, so each one is read from its end.
    """
    wing = wing_of(route)
    batches: list[Batch] = []
    landed = lakehouse.pending_segments(entity, route, {})
    for app_id, chain in groupby(landed, key=attrgetter("app_id")):
        applied = [segment for segment in chain if segment.start <= positions.get(app_id, -1)]
        for segment in map(partial(wing.with_manifest, lakehouse.objects), reversed(applied)):
            if segment.latest_ms is not None and segment.latest_ms < since_ms:
                break
            if segment.size:
                batches.append(batch_of(lakehouse.names, [segment]))
    return AppliedObjects(positions, since_ms, batches)
