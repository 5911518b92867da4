"""What a run is about to do, decided from settings, landed objects and table positions alone."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pinterest_platform.entities import REPORT_KEYS, Entity
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing import AcceptedGap, LandingOptions, RawObject, batches, inventory, positions_after
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
    epoch = new_epoch or settings.new_epoch
    if epoch not in ("fail", "land"):
        raise PermanentFailure(f"new_epoch is {epoch!r}.", "Say fail, land, or nothing for the setting's value.")
    return LandingOptions(
        object_bytes=settings.object_bytes,
        accept_gaps=tuple(parse_gap(text) for text in accept_gap),
        new_epoch="land" if epoch == "land" else "fail",
        landed_by_connect=settings.landed_by_connect(entity),
    )


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
    """Which landed objects to clean into an entity's table, in batches of bounded size.

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
    topic = settings.names.topic(entity)
    found = inventory(objects, topic, taken)
    if positions is not None and not found and not full_refresh:
        return None
    return CleanParameters(
        entity=entity.value,
        stream=topic,
        batches=[_batch(settings, objects, group) for group in batches(found, settings.clean_batch_bytes)],
        table_uri=settings.names.cleaned_uri(entity),
        quarantine_uri=settings.names.cleaned_quarantine_uri(entity),
        staging_uri=settings.names.staging_uri(entity, run_id),
        full_refresh=full_refresh,
        io_timeout_seconds=settings.io_timeout_seconds,
    )


def verification_plan(
    entity: Entity, settings: Settings, objects: ObjectStore, positions: Mapping[str, int]
) -> VerifyParameters:
    """Every object that an entity's table claims to have taken, to be held against the table."""
    found = inventory(objects, settings.names.topic(entity), {})
    whole = _batch(settings, objects, [part for part in found if part.end <= positions.get(part.app_id, -1)])
    return replace(inspection_plan(entity, settings), uris=whole.uris, records=whole.records)


def inspection_plan(entity: Entity, settings: Settings) -> VerifyParameters:
    """An entity's table alone, without the objects that it was made of."""
    return VerifyParameters(
        entity=entity.value,
        stream=settings.names.topic(entity),
        uris=[],
        table_uri=settings.names.cleaned_uri(entity),
        quarantine_uri=settings.names.cleaned_quarantine_uri(entity),
        records=0,
        io_timeout_seconds=settings.io_timeout_seconds,
    )


def reports_plan(settings: Settings, keys: Sequence[str]) -> ReportsParameters:
    """Where the selected reports read and write; they come in the order of SPEC 7."""
    return ReportsParameters(
        cleaned={entity.value: settings.names.cleaned_uri(entity) for entity in Entity},
        reports={key: settings.names.report_uri(key) for key in REPORT_KEYS if key in keys},
        io_timeout_seconds=settings.io_timeout_seconds,
    )


def _batch(settings: Settings, objects: ObjectStore, group: Sequence[RawObject]) -> Batch:
    filled = [found for found in group if found.size]
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
        records = sum(pool.map(lambda found: _records(objects, found.key), filled))
    return Batch([settings.names.uri(found.key) for found in filled], positions_after(group), records)


def _records(objects: ObjectStore, key: str) -> int:
    metadata = objects.metadata(key)
    if metadata is None:
        raise TransientFailure(f"{key} disappeared after it was listed.", "Run it again.")
    return int(metadata["records"])
