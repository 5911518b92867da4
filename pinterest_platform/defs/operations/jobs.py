"""The jobs that users, schedules, sensors and the command line start."""

import dagster as dg
from pydantic import Field

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.messages import counted
from pinterest_platform.orchestration.daily.requests import cancel_retries
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.audit import AUDIT_CHECKS
from pinterest_platform.orchestration.results.health import HEALTH
from pinterest_platform.orchestration.results.ledger import LEDGER
from pinterest_platform.orchestration.results.maintenance import maintenance_observation
from pinterest_platform.orchestration.retention import delete_runs, expired_runs
from pinterest_platform.orchestration.runs import READER, WRITER
from pinterest_platform.orchestration.workers import EXCLUSIVE
from pinterest_platform.pipelines.deprovision import refuse_unlanded, streams_to_delete
from pinterest_platform.pipelines.maintenance import MaintenanceOptions, maintain
from pinterest_platform.ports import Lake, ObjectStore, Provisioner, ShardLog
from pinterest_platform.settings import Settings

BATCH = dg.AssetSelection.groups("raw", "cleaned", "reports") | dg.AssetSelection.assets(LEDGER, HEALTH)
AUDIT = dg.AssetSelection.checks(*(dg.AssetCheckKey(LEDGER, name) for name in AUDIT_CHECKS))

batch_pipeline = dg.define_asset_job(
    "batch_pipeline",
    # The audit reads everything that was ever landed; a daily run must not.
    selection=BATCH - AUDIT,
    # The launchpad shows this option first; it offers the schema of all others, too.
    config={"ops": {f"cleaned__{entity.name}": {"config": {"full_refresh": False}} for entity in ENTITIES}},
    tags=WRITER | EXCLUSIVE,
    description="Land new Kafka records, clean them, rebuild the reports and their page, and account for every offset.",
)

audit = dg.define_asset_job(
    "audit",
    selection=AUDIT,
    tags=READER,
    description="Compare every landed record with its table, and every object with its manifest.",
)

reports_only = dg.define_asset_job(
    "reports_only",
    selection=dg.AssetSelection.groups("reports"),
    tags=WRITER | EXCLUSIVE,
    description="Rebuild the reports and their page from the current cleaned tables.",
)


class MaintenanceConfig(dg.Config):
    """Options of a maintenance."""

    tables: list[str] = Field(
        [], description="Names of tables, such as `cleaned/pin`; empty for all tables, the sweeps and old runs."
    )
    dry_run: bool = Field(False, description="Only log the actions; change nothing.")


@dg.op(description="Compact small files, and delete files, versions and orphans older than the retention.")
def look_after_the_lake(
    context: dg.OpExecutionContext,
    config: MaintenanceConfig,
    settings: dg.ResourceParam[Settings],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> None:
    """Delete old runs, compact and vacuum tables, and sweep the leftovers of dead runs."""
    options = MaintenanceOptions(config.tables, config.dry_run)
    with as_dagster_failure("maintenance", "look_after_the_lake"):
        if not config.tables:
            days = settings.run_retention_days
            runs = expired_runs(context.instance, days)
            if runs:
                context.log.info(
                    f"{counted(len(runs), 'run')} that ended more than {counted(days, 'day')} ago {options.deleted}"
                )
            if not config.dry_run:
                delete_runs(context.instance, runs)
        for name, result in maintain(settings, objects, lake, options, context.log.info):
            event = maintenance_observation(name, result)
            if event and not config.dry_run:
                context.log_event(event)


@dg.job(
    tags=WRITER | EXCLUSIVE,
    description="Compact and vacuum every table, and sweep the leftovers of dead runs.",
)
def maintenance() -> None:
    """Maintain tables and bucket."""
    look_after_the_lake()


@dg.op(description="Create what is missing, and give existing topics the options that landing needs.")
def provision_everything(context: dg.OpExecutionContext, provisioner: dg.ResourceParam[Provisioner]) -> None:
    """Create the bucket, the topics and the streams."""
    with as_dagster_failure("provision", "provision_everything"):
        changes = provisioner.apply()
    for change in changes or ["nothing to do: everything exists"]:
        context.log.info(change)


@dg.job(tags=READER, description="Create the bucket, the topics and the streams. Safe to repeat.")
def provision() -> None:
    """Create the bucket, the topics and the streams."""
    provision_everything()


class DeprovisionConfig(dg.Config):
    """The streams to delete; there is no default."""

    streams: list[str] = Field(description="The full names of the streams to delete, with all their records.")
    even_unlanded: bool = Field(False, description="Delete streams even if they hold records that are not landed.")


@dg.op(description="Delete the named Kinesis streams, if all their records are landed.")
def delete_streams(
    context: dg.OpExecutionContext,
    config: DeprovisionConfig,
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    provisioner: dg.ResourceParam[Provisioner],
) -> None:
    """Delete the named streams, and nothing else; six parameters, because Dagster passes each resource as one."""

    def check(stream: str) -> None:
        if not config.even_unlanded:
            refuse_unlanded(stream, settings, shards, objects)

    with as_dagster_failure("deprovision", "delete_streams"):
        deleted = provisioner.delete_streams(streams_to_delete(settings, config.streams), check)
    for line in deleted or ["nothing to do: none of them exists"]:
        context.log.info(line)


@dg.job(
    tags=READER,
    description="Delete the Kinesis streams that the run config names; never topics, the bucket or landed objects.",
)
def deprovision() -> None:
    """Delete streams: the counterpart of `provision`."""
    delete_streams()


@dg.op(description="Cancel the next attempt of daily runs that wait for one; no alert is sent.")
def cancel_waiting_retries(context: dg.OpExecutionContext) -> None:
    """Cancel the waiting retries of daily runs."""
    for line in cancel_retries(context.instance) or ["no daily run waits for a retry"]:
        context.log.info(line)


@dg.job(
    tags=READER,
    description="Cancel the waiting retry of the daily run. To stop a queued or running attempt, terminate its run.",
)
def cancel_daily_retries() -> None:
    """Cancel the waiting retries of daily runs."""
    cancel_waiting_retries()
