"""What a run is about to do, decided from settings, landed objects and table positions alone."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Literal

from pinterest_platform.entities import REPORT_KEYS, Entity, Route
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.commit import Manifest
from pinterest_platform.landing.kafka.pending import batches, inventory, positions_after
from pinterest_platform.landing.kafka.results import AcceptedGap, LandingOptions, RawObject
from pinterest_platform.landing.kinesis.pending import stream_inventory
from pinterest_platform.landing.kinesis.results import AcceptedLoss, StreamOptions
from pinterest_platform.ports import ObjectStore
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, ReportsParameters, VerifyParameters

_HEADS_AT_ONCE = 8


def landing_options(entity: Entity, settings: Settings, accept_gap: Sequence[str], new_epoch: str) -> LandingOptions:
    """How to land an entity's topic.

    Args:
        entity: whose topic.
        settings: the platform's settings.
        accept_gap: lost ranges accepted as lost, each `<topic>/<partition>:<first>-<last>`.
        new_epoch: "fail" or "land"; empty for what the settings say.

    Raises:
        PermanentFailure: an accepted range is not of that form, or new_epoch is neither.
    """
    return LandingOptions(
        object_bytes=settings.object_bytes,
        accept_gaps=_gaps(settings.names.topic(entity), accept_gap),
        new_epoch=_epoch_rule(settings, new_epoch),
        landed_by_connect=settings.landed_by_connect(entity),
    )


def _gaps(topic: str, accept_gap: Sequence[str]) -> tuple[AcceptedGap, ...]:
    gaps = tuple(parse_gap(text) for text in accept_gap)
    for gap in gaps:
        if gap.topic != topic:
            raise PermanentFailure(
                f"accept_gap names topic {gap.topic}, and this landing is of {topic}.",
                "Give it to the asset of that topic.",
            )
    return gaps


def _epoch_rule(settings: Settings, new_epoch: str) -> Literal["fail", "land"]:
    rule = new_epoch or settings.new_epoch
    if rule not in ("fail", "land"):
        raise PermanentFailure(f"new_epoch is {rule!r}.", "Say fail, land, or nothing for the setting's value.")
    return "land" if rule == "land" else "fail"


def parse_gap(text: str) -> AcceptedGap:
    """Read `<topic>/<partition>:<first>-<last>`; raises PermanentFailure where it is anything else."""
    match = re.fullmatch(r"(?P<topic>[^/]+)/(?P<partition>[0-9]+):(?P<start>[0-9]+)-(?P<end>[0-9]+)", text.strip())
    if match is None or int(match["start"]) > int(match["end"]):
        raise PermanentFailure(
            f"accept_gap holds {text!r}, which is no range of offsets.",
            "Write it as <topic>/<partition>:<first>-<last>, as the failed landing named it.",
        )
    return AcceptedGap(match["topic"], int(match["partition"]), int(match["start"]), int(match["end"]))


def cleaning_plan(
    entity: Entity,
    settings: Settings,
    objects: ObjectStore,
    positions: Mapping[str, int] | None,
    run_id: str,
    full_refresh: bool,
) -> CleanParameters | None:
    """Which landed objects of a topic to clean into its table.

    Args:
        entity: whose records.
        settings: the platform's settings.
        objects: the bucket.
        positions: the table's positions by app id; None where there is no table.
        run_id: names the run's staging folder.
        full_refresh: take all objects and rebuild the table from them.

    Returns:
        None where the table already took everything.
    """
    taken = {} if full_refresh or positions is None else positions
    found = inventory(objects, settings.names.topic(entity), taken)
    if positions is not None and not found and not full_refresh:
        return None
    plan = cleaning_of(found, taken, entity, Route.KAFKA, settings, objects, run_id)
    return replace(plan, full_refresh=full_refresh)


def cleaning_of(
    found: Sequence[RawObject],
    taken: Mapping[str, int],
    entity: Entity,
    route: Route,
    settings: Settings,
    objects: ObjectStore,
    run_id: str,
) -> CleanParameters:
    """Clean these landed objects into their table, in batches of bounded size.

    Args:
        found: the objects, by app id and in chain order.
        taken: the positions that they were found behind: a table that meanwhile fell back behind one is left alone.
        entity: whose records.
        route: by which they came.
        settings: the platform's settings.
        objects: the bucket.
        run_id: names the run's staging folder.
    """
    places = settings.names.places(entity, route)
    planned = [_batch(settings, objects, part) for part in batches(found, settings.clean_batch_bytes)]
    return CleanParameters(
        entity=entity.value,
        stream=places.source,
        batches=_in_turn(planned, taken),
        table_uri=places.table_uri,
        quarantine_uri=places.quarantine_uri,
        staging_uri=settings.names.staging_uri(entity, route, run_id),
        io_timeout_seconds=settings.io_timeout_seconds,
        source=route.value,
    )


def stream_options(
    settings: Settings, accept_loss: Sequence[str] = (), new_epoch: str = "", longest_seconds: float = 60.0
) -> StreamOptions:
    """How to land the Kinesis streams; arguments as of `landing_options`, a loss being `<stream>/<shard>:<after>`."""
    return StreamOptions(
        object_bytes=settings.object_bytes,
        accept_losses=_losses(settings, accept_loss),
        new_epoch=_epoch_rule(settings, new_epoch),
        longest_seconds=longest_seconds,
    )


def streams_to_delete(settings: Settings, named: Sequence[str]) -> tuple[str, ...]:
    """The streams that a person named to be deleted; raises PermanentFailure unless each is one of this user id's."""
    known = [settings.names.stream(entity) for entity in Entity]
    others = [name for name in named if name not in known]
    if not named or others:
        raise PermanentFailure(
            f"{', '.join(others)} is no stream of user id {settings.user_id}." if others else "No stream is named.",
            f"Name each stream that is to be deleted, of {', '.join(known)}; nothing was deleted.",
        )
    return tuple(named)


def _losses(settings: Settings, accept_loss: Sequence[str]) -> tuple[AcceptedLoss, ...]:
    streams = [settings.names.stream(entity) for entity in Entity]
    losses = tuple(AcceptedLoss.parse(text) for text in accept_loss)
    for loss in losses:
        if loss.stream not in streams:
            raise PermanentFailure(
                f"accept_loss names stream {loss.stream}, and the platform lands {', '.join(streams)}.",
                "Name the position as the failed landing named it.",
            )
    return losses


def verification_plan(
    entity: Entity, route: Route, settings: Settings, objects: ObjectStore, positions: Mapping[str, int]
) -> VerifyParameters:
    """Every object that an entity's table claims to have taken, to be held against the table."""
    look = inventory if route is Route.KAFKA else stream_inventory
    found = look(objects, settings.names.places(entity, route).source, {})
    whole = _batch(settings, objects, [part for part in found if part.end <= positions.get(part.app_id, -1)])
    return replace(inspection_plan(entity, route, settings), uris=whole.uris, records=whole.records)


def inspection_plan(entity: Entity, route: Route, settings: Settings) -> VerifyParameters:
    """An entity's table alone, without the objects that it was made of."""
    places = settings.names.places(entity, route)
    return VerifyParameters(
        entity=entity.value,
        stream=places.source,
        uris=[],
        table_uri=places.table_uri,
        quarantine_uri=places.quarantine_uri,
        records=0,
        io_timeout_seconds=settings.io_timeout_seconds,
        source=route.value,
    )


def reports_plan(settings: Settings, keys: Sequence[str]) -> ReportsParameters:
    """Where the selected reports read and write; they come in the order of SPEC 7."""
    return ReportsParameters(
        cleaned={entity.value: settings.names.cleaned_uri(entity) for entity in Entity},
        reports={key: settings.names.report_uri(key) for key in REPORT_KEYS if key in keys},
        io_timeout_seconds=settings.io_timeout_seconds,
    )


def _in_turn(planned: Sequence[Batch], taken: Mapping[str, int]) -> list[Batch]:
    """Batches that each know what the table must have taken before them; -1, nothing, needs no saying."""
    reached = {name: position for name, position in taken.items() if position >= 0}
    told: list[Batch] = []
    for batch in planned:
        told.append(replace(batch, after={name: reached[name] for name in batch.positions if name in reached}))
        reached |= batch.positions
    return told


def _batch(settings: Settings, objects: ObjectStore, group: Sequence[RawObject]) -> Batch:
    filled = [found for found in group if found.size]
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
        records = sum(pool.map(lambda found: _records(objects, found), group))
    uris = [settings.names.uri(found.key) for found in filled]
    return Batch(uris, positions_after(group), records, size=sum(found.size for found in filled))


def _records(objects: ObjectStore, found: RawObject) -> int:
    """How many records an object holds, once its manifest vouches for the end that its neighbour's name suggests."""
    if found.records is not None:
        return found.records
    metadata = objects.metadata(found.key)
    if metadata is None:
        raise TransientFailure(f"{found.key} disappeared after it was listed.", "Run it again.")
    manifest = Manifest.read(found.key, metadata)
    if manifest is None:
        raise PermanentFailure(
            f"{found.key} lacks the metadata with which it was landed.",
            "Restore the object with its metadata, or move it away if something else wrote it.",
        )
    # A shard's positions are ordinals of objects.
    end = manifest.end if manifest.ordinal is None else manifest.ordinal
    if end != found.end:
        raise PermanentFailure(
            f"{found.app_id}: {found.key} ends at {end}, and what was listed begins again behind {found.end}: "
            + (f"{end + 1} to {found.end} stand in no object." if end < found.end else "objects overlap."),
            "Restore the objects in between, or move away what is superfluous; the conservation ledger names them.",
        )
    return manifest.records
