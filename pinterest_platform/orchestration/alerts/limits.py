"""Measurements of the platform that alerts compare with limits: lag, retention, quarantine and the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.messages import CLI_COMMAND, counted, percent
from pinterest_platform.orchestration.results.cleaning import REBUILT
from pinterest_platform.orchestration.results.health import ledger_causes, ledger_concern
from pinterest_platform.orchestration.results.ledger import LANDED_CHECK, LEDGER
from pinterest_platform.pipelines.backlog import RouteBacklog
from pinterest_platform.pipelines.layers import CLEANED_LAYERS, RAW_LAYERS
from pinterest_platform.pipelines.limits import (
    Measurement,
    headroom_measurements,
    is_headroom_unknown,
    is_near_limit,
    lag_measurements,
    possible_losses,
)
from pinterest_platform.ports import Cause
from pinterest_platform.settings import Settings

QUARANTINE_SECONDS = 3600.0
"""Time over which the share of quarantined records is computed."""

LEAST_QUARANTINED = 10
"""Quarantined records below which no share is alerted: one bad record of a quiet hour is none."""

MATERIALIZATIONS = 500
"""Materializations of an asset that are read: more than a drain reports within `QUARANTINE_SECONDS`."""

LAYERS_OF_DRAINS = (*RAW_LAYERS.values(), *CLEANED_LAYERS.values())


@dataclass(frozen=True, slots=True)
class MeasuredConcern:
    """The measurements of one concern.

    Attributes:
        name: its name.
        begun: the sentence that reports a problem, without its full stop; `{assets}` is where it names the assets.
        over: the sentence that reports the end of it, in the same form.
        next_step: what to do about a problem.
        measurements: the measurements.
        unknown: the names of those that are unknown.
        assets: the asset by the name of its measurement, if that is not the asset itself.
        causes: the causes of the problems, if those are more than the problems and the next step.
    """

    name: str
    begun: str
    over: str
    next_step: str
    measurements: Sequence[Measurement]
    unknown: Sequence[str] = ()
    assets: Mapping[str, str] = field(default_factory=dict[str, str])
    causes: Sequence[Cause] = ()

    def asset_of(self, name: str) -> str:
        """Return the asset that a measurement is about."""
        return self.assets.get(name, name)

    def with_names(self, names: Sequence[str]) -> str:
        """Return its name, with the names of the measurements that are meant if they are a part of it."""
        is_all = len(names) == len(self.measurements) + len(self.unknown)
        return self.name if is_all else f"{self.name} ({', '.join(names)})"


def measured_streams(route: str, backlog: RouteBacklog, settings: Settings) -> Iterator[MeasuredConcern]:
    """Yield lag and retention headroom of a route; the backlog has the retention times."""
    drain = "kafka_pipeline" if route == "kafka" else "streaming_pipeline"
    longest, least = settings.alert_lag_seconds, settings.alert_headroom_share
    name_of = settings.names.topic if route == "kafka" else settings.names.stream
    lags = list(lag_measurements(backlog, longest))
    yield MeasuredConcern(
        f"{route} lag",
        f"The lag of {{assets}} exceeds {longest:g} s",
        f"The lag of {{assets}} is within {longest:g} s again",
        f"Check that the sensor {route}_backlog is switched on, then read its last tick and the last run of {drain}.",
        lags,
        [entity.name for entity in ENTITIES if entity.name not in {lag.name for lag in lags}],
        {entity.name: f"{route}/{entity.name}" for entity in ENTITIES},
    )
    headroom = list(headroom_measurements(backlog, least, name_of))
    assets = {name_of(entity): f"{route}/{entity.name}" for entity in ENTITIES}
    yield MeasuredConcern(
        f"{route} retention",
        f"Less than {percent(least)} of the retention time of {{assets}} is left",
        f"More than {percent(least)} of the retention time of {{assets}} is left again",
        f"Run {drain} now, or raise the retention time.",
        headroom,
        [name_of(entity) for entity in ENTITIES if is_headroom_unknown(backlog, entity)],
        assets,
    )
    yield MeasuredConcern(
        f"{route} loss",
        "Retention may have deleted records of {assets} that are not landed",
        "The records of {assets} that are not landed are within the retention time again",
        f"Run {drain} now: it names the records that are lost.",
        possible_losses(headroom),
        assets=assets,
    )


def measured_quarantine(instance: dg.DagsterInstance, most: float, now: float) -> MeasuredConcern:
    """Return the share of quarantined records of each landed and cleaned asset, of those that recent runs reported."""
    keys = [dg.AssetKey([layer, entity.name]) for layer in LAYERS_OF_DRAINS for entity in ENTITIES]
    return MeasuredConcern(
        "quarantine",
        f"More than {percent(most)} of the records of {{assets}} in the last hour were quarantined",
        f"The share of quarantined records of {{assets}} is within {percent(most)} again",
        f"Run `{CLI_COMMAND} quarantine`, which prints the records and their reasons, and fix their producer.",
        [_quarantine_measurement(instance, key, most, now) for key in keys],
    )


def measured_ledger(instance: dg.DagsterInstance) -> MeasuredConcern:
    """Return whether the ledger balances, if the run that computed it has ended."""
    concern = ledger_concern(instance)
    check = dg.AssetCheckKey(LEDGER, LANDED_CHECK)
    records = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    run = instance.get_run_by_id(records[0].run_id) if records else None
    is_known = concern.state != "unknown" and run is not None and run.is_finished
    problem = concern.finding if concern.state == "warning" else ""
    return MeasuredConcern(
        "ledger",
        "The ledger does not balance",
        "The ledger balances again",
        concern.next_step,
        [Measurement(LEDGER.to_user_string(), 0.0, problem)] if is_known else [],
        [] if is_known else [LEDGER.to_user_string()],
        causes=ledger_causes(instance) if problem else [],
    )


def _quarantine_measurement(instance: dg.DagsterInstance, key: dg.AssetKey, most: float, now: float) -> Measurement:
    recent = dg.AssetRecordsFilter(key, after_timestamp=now - QUARANTINE_SECONDS)
    records = quarantined = 0
    for record in instance.fetch_materializations(recent, limit=MATERIALIZATIONS).records:
        metadata = record.asset_materialization.metadata if record.asset_materialization else {}
        if metadata.get(REBUILT) == dg.MetadataValue.bool(True):
            continue  # it counts all records of the table again
        records += _count(metadata, "records")
        quarantined += _count(metadata, "quarantined")
    if key.path[0].startswith("raw"):
        records += quarantined  # `records` are those that landing accepted, and those that cleaning read
    share = quarantined / records if records else 0.0
    name = key.to_user_string()
    problem = f"{quarantined:,} of {counted(records, 'record')}, {percent(share, 3)}"
    is_problem = share > most and quarantined >= LEAST_QUARANTINED
    return Measurement(name, share, problem if is_problem else "", is_near_limit(share, most))


def _count(metadata: Mapping[str, dg.MetadataValue], name: str) -> int:
    value = metadata.get(name)
    return value.value or 0 if isinstance(value, dg.IntMetadataValue) else 0
