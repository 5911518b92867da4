"""The jobs that people, schedules and the command line start."""

import dagster as dg

from pinterest_platform.dagster_support.explaining import explained
from pinterest_platform.dagster_support.ledger_metadata import AUDIT_CHECK
from pinterest_platform.ports import Provisioner

BATCH = dg.AssetSelection.groups("raw", "cleaned", "reports") | dg.AssetSelection.assets(["ledger", "conservation"])
AUDIT = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(["ledger", "conservation"]), AUDIT_CHECK))

batch_pipeline = dg.define_asset_job(
    "batch_pipeline",
    # The audit reads everything that was ever landed: a run that takes 1 % new rows must not.
    selection=BATCH - AUDIT,
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
    description="The nine reports and their page, from the cleaned tables as they are.",
)


@dg.op(description="Make what is missing outside, and give existing topics the settings that landing needs.")
def provision_everything(context: dg.OpExecutionContext, provisioner: dg.ResourceParam[Provisioner]) -> None:
    """Make what must exist outside before anything can run."""
    with explained("provision"):
        changes = provisioner.apply()
    for change in changes or ["nothing to do: all of it is there"]:
        context.log.info(change)


@dg.job(description="Make what must exist outside: bucket, topics, streams. Safe to repeat.")
def provision() -> None:
    """Make what must exist outside."""
    provision_everything()
