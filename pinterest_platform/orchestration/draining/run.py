"""A draining run in Dagster: lanes moved until the route is idle, and what they say of themselves meanwhile."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from pinterest_platform.catalog import Entity
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.orchestration.results.tables import table_metadata
from pinterest_platform.orchestration.workers import record_worker
from pinterest_platform.pipelines.drain import Drain, DrainLimits, RoundRobin
from pinterest_platform.pipelines.micro_batches import Pipeline
from pinterest_platform.pipelines.progress import BufferedProgress
from pinterest_platform.settings import Settings

FAILED_TAG = "pinterest/failed-streams"
"""On a drain that failed: its id, and the entities whose streams kept it from success; the others do not wait for them.

A run that is executed again gets the tags of the first one: the id says whose they are.
"""


def drain(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    lanes: Sequence[Pipeline],
    settings: Settings,
    say: BufferedProgress,
    landed_layer: str,
    cleaned_layer: str,
) -> RoundRobin:
    """Move all lanes, which speak through `say`, until nothing came for a while, or the run has lasted long enough.

    A busy stream may keep it at work for an hour: the assets tell now and then what it did so far, counts being those
    of the whole run until then; those of which nothing moved since are left alone, lest they look freshly made.

    Returns:
        The rounds made: whose results are to be told, and then `judge`, which raises where some lane failed.
    """

    def show() -> None:
        for lane in rounds.moved():
            try:
                events = [*materializations([lane], landed_layer, cleaned_layer)]
            except PlatformFailure as failure:
                # Whether a table can be worked on is for its lane to find out, and no other lane's affair.
                context.log.warning(f"{lane.stream}: what moved cannot be shown now: {failure}")
                continue
            for event in events:
                context.log_event(event)

    record_worker(context.instance, context.run.run_id)
    limits = DrainLimits(settings.drain_idle_seconds, settings.drain_longest_seconds)
    rounds = RoundRobin(lanes, say.at_once)
    try:
        Drain(rounds.move, limits, say.at_once, show).run()
    finally:
        say.flush()
    if rounds.failed:
        context.instance.add_run_tags(context.run.run_id, failed_tags(context.run.run_id, rounds.failed))
    return rounds


def failed_tags(run_id: str, failed: Iterable[Entity]) -> dict[str, str]:
    """The tag of a drain that failed by some streams."""
    return {FAILED_TAG: f"{run_id}:{','.join(entity.name for entity in failed)}"}


def failed_entities(run: dg.DagsterRun) -> tuple[str, ...]:
    """The entities by whose streams a run failed; none where it ended for other reasons."""
    run_id, _, named = run.tags.get(FAILED_TAG, "").partition(":")
    return tuple(named.split(",")) if named and run_id == run.run_id else ()


def lane_metadata(lane: Pipeline) -> tuple[dict[str, dg.MetadataValue], dict[str, dg.MetadataValue]]:
    """What a lane landed, and what it cleaned."""
    tally = lane.tally
    landed: dict[str, dg.MetadataValue] = {
        "records": dg.MetadataValue.int(tally.records),
        "quarantined": dg.MetadataValue.int(tally.quarantined),
        "objects": dg.MetadataValue.int(tally.objects),
        "bytes": dg.MetadataValue.int(tally.bytes),
    }
    facts = lane.facts()
    cleaned: dict[str, dg.MetadataValue] = table_metadata(facts, lane.entity.columns) if facts else {}
    if done := tally.cleaned:
        counts = {
            "new": done.new,
            "changed": done.changed,
            "unchanged": done.unchanged,
            "quarantined": done.quarantined,
        }
        cleaned |= {name: dg.MetadataValue.int(count) for name, count in counts.items()}
        cleaned["unreadable_by_field"] = dg.MetadataValue.json(dict(done.unreadable))
    cleaned["offsets_taken"] = dg.MetadataValue.json(dict(tally.positions))
    return landed, cleaned


def results(lanes: Sequence[Pipeline], landed_layer: str, cleaned_layer: str) -> Iterator[dg.MaterializeResult]:
    """The same two, as the results of an op that makes these assets."""
    for event in materializations(lanes, landed_layer, cleaned_layer):
        yield dg.MaterializeResult(asset_key=event.asset_key, metadata=event.metadata)


def materializations(
    lanes: Sequence[Pipeline], landed_layer: str, cleaned_layer: str
) -> Iterator[dg.AssetMaterialization]:
    """Two events a lane: its landed objects, and its table."""
    for lane in lanes:
        landed, cleaned = lane_metadata(lane)
        yield dg.AssetMaterialization(asset_key=[landed_layer, lane.entity.name], metadata=landed)
        yield dg.AssetMaterialization(asset_key=[cleaned_layer, lane.entity.name], metadata=cleaned)
