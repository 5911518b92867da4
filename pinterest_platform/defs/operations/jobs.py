"""The jobs that people, schedules and the command line start."""

import dagster as dg
from pydantic import Field

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.orchestration.daily.requests import cancel_retries
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.ledger import AUDIT_CHECK
from pinterest_platform.orchestration.results.maintenance import upkeep_event
from pinterest_platform.orchestration.results.stream_ledger import STREAM_CHECK
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform.orchestration.workers import EXCLUSIVE
from pinterest_platform.pipelines.deprovision import refuse_unlanded, streams_to_delete
from pinterest_platform.pipelines.maintenance import maintain
from pinterest_platform.ports import Lake, ObjectStore, Provisioner, ShardLog
from pinterest_platform.settings import Settings

BATCH = dg.AssetSelection.groups("raw", "cleaned", "reports") | dg.AssetSelection.assets(["ledger", "conservation"])
AUDIT = dg.AssetSelection.checks(
    *(dg.AssetCheckKey(dg.AssetKey(["ledger", "conservation"]), name) for name in (AUDIT_CHECK, STREAM_CHECK))
)

batch_pipeline = dg.define_asset_job(
    "batch_pipeline",
    # The audit reads everything that was ever landed: a run that takes 1 % new rows must not.
    selection=BATCH - AUDIT,
    # What the launchpad begins with: the knob that people look for. The schema of all others is one click away there.
    config={"ops": {f"cleaned__{entity.name}": {"config": {"full_refresh": False}} for entity in ENTITIES}},
    tags=WRITER | EXCLUSIVE,
    description="Land what is new in Kafka, clean it, rebuild the reports and their page, and balance the books.",
)

audit = dg.define_asset_job(
    "audit",
    selection=AUDIT,
    description="Hold every landed record against its table, and every object against what it says of itself.",
)

reports_only = dg.define_asset_job(
    "reports_only",
    selection=dg.AssetSelection.groups("reports"),
    tags=WRITER | EXCLUSIVE,
    description="The reports and their page, from the current cleaned tables.",
)


class MaintenanceConfig(dg.Config):
    """What to look after."""

    tables: list[str] = Field(
        [], description="Some tables alone, such as `cleaned/pin`; all, and the sweeps, if empty."
    )
    dry_run: bool = Field(False, description="Only tell what would be done.")


@dg.op(description="Put small files together, and delete files, versions and orphans older than the retention.")
def look_after_the_lake(
    context: dg.OpExecutionContext,
    config: MaintenanceConfig,
    settings: dg.ResourceParam[Settings],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> None:
    """Keep tables small in files, and the bucket free of what nobody reads any more."""
    with as_dagster_failure("maintenance"):
        for name, done in maintain(settings, objects, lake, config.tables, config.dry_run, context.log.info):
            if event := upkeep_event(name, done, config.dry_run):
                context.log_event(event)


@dg.job(
    tags=WRITER | EXCLUSIVE,
    description="Compact and vacuum every table, and sweep what dead runs left. Takes no lock.",
)
def maintenance() -> None:
    """Keep the lake in order."""
    look_after_the_lake()


@dg.op(description="Make what is missing outside, and give existing topics the settings that landing needs.")
def provision_everything(context: dg.OpExecutionContext, provisioner: dg.ResourceParam[Provisioner]) -> None:
    """Make what must exist outside before anything can run."""
    with as_dagster_failure("provision"):
        changes = provisioner.apply()
    for change in changes or ["nothing to do: all of it is there"]:
        context.log.info(change)


@dg.job(description="Make what must exist outside: bucket, topics, streams. Safe to repeat.")
def provision() -> None:
    """Make what must exist outside."""
    provision_everything()


class DeprovisionConfig(dg.Config):
    """What may go. There is no default: what is deleted is written out."""

    streams: list[str] = Field(description="The streams to delete, by their full names, with all that they hold.")
    even_unlanded: bool = Field(False, description="Delete even streams of which something is not landed.")


@dg.op(description="Delete the named Kinesis streams, once all that they hold is landed.")
def delete_streams(
    context: dg.OpExecutionContext,
    config: DeprovisionConfig,
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    provisioner: dg.ResourceParam[Provisioner],
) -> None:
    """Delete streams, and nothing else."""

    def check(stream: str) -> None:
        if not config.even_unlanded:
            refuse_unlanded(stream, settings, shards, objects)

    with as_dagster_failure("deprovision"):
        deleted = provisioner.delete_streams(streams_to_delete(settings, config.streams), check)
    for line in deleted or ["nothing to do: none of them is there"]:
        context.log.info(line)


@dg.job(description="Delete Kinesis streams that the run config names; never topics, the bucket, or what was landed.")
def deprovision() -> None:
    """Delete the streams: the counterpart of `provision`."""
    delete_streams()


@dg.op(description="Mark the daily runs that wait for a retry: there will be none, and no alert.")
def cancel_waiting_retries(context: dg.OpExecutionContext) -> None:
    """Cancel the wait for a retry of the daily run."""
    for line in cancel_retries(context.instance) or ["no daily run waits for a retry"]:
        context.log.info(line)


@dg.job(description="Cancel the wait for a retry of the daily run; terminate a queued or running one instead.")
def cancel_daily_retries() -> None:
    """Cancel the wait for a retry of the daily run."""
    cancel_waiting_retries()
