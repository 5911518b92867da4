"""The last runs of each job, and the last ledger, from the Dagster instance."""

import dagster as dg

from pinterest_platform.metrics import names
from pinterest_platform.metrics.samples import Samples
from pinterest_platform.metrics.sources import Sources
from pinterest_platform.orchestration.results import audit, ledger

JOBS = (
    "batch_pipeline",
    "kafka_pipeline",
    "streaming_pipeline",
    "reports_only",
    "maintenance",
    "audit",
    "provision",
    "deprovision",
    "cancel_daily_retries",
)
"""All jobs of the platform."""

CHECKS = (
    ledger.LANDED_CHECK,
    ledger.CLEANED_CHECK,
    ledger.SHARD_OBJECTS_CHECK,
    ledger.GAPS_CHECK,
    ledger.HIDDEN_CHECK,
    ledger.READ_CHECK,
    *audit.AUDIT_CHECKS,
)
"""All checks of the ledger, those of the job `audit` included."""


def read_runs(sources: Sources) -> Samples:
    """Return the samples of all jobs and of the ledger."""
    samples = Samples()
    instance = samples.read("dagster", "instance", sources.instance)
    if instance is not None:
        for job in JOBS:
            _add_job(samples, instance, job)
        _add_ledger(samples, instance)
    return samples


def _add_job(samples: Samples, instance: dg.DagsterInstance, job: str) -> None:
    success = _last_run(instance, job, dg.DagsterRunStatus.SUCCESS)
    if success is not None and success.end_time is not None:
        samples.add(names.JOB_SUCCESS, success.end_time, job)
        if success.start_time is not None:
            samples.add(names.JOB_DURATION, success.end_time - success.start_time, job)
    failure = _last_run(instance, job, dg.DagsterRunStatus.FAILURE)
    if failure is not None:
        samples.add(names.JOB_FAILURE, failure.end_time, job)


def _last_run(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus) -> dg.RunRecord | None:
    records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=[status]), limit=1)
    return records[0] if records else None


def _add_ledger(samples: Samples, instance: dg.DagsterInstance) -> None:
    event = instance.get_latest_materialization_event(ledger.LEDGER)
    materialization = event.asset_materialization if event else None
    if event is not None and materialization is not None:
        difference = materialization.metadata.get("difference")
        if isinstance(difference, dg.IntMetadataValue):
            samples.add(names.LEDGER_DIFFERENCE, difference.value)
        samples.add(names.LEDGER_TIME, ledger.last_full_run(event))
    keys = {check: dg.AssetCheckKey(ledger.LEDGER, check) for check in CHECKS}
    records = instance.event_log_storage.get_asset_check_summary_records(list(keys.values()))
    for check, key in keys.items():
        record = records[key].last_completed_check_execution_record if key in records else None
        evaluation = record.event.asset_check_evaluation if record and record.event else None
        # A failure as a warning is a finding that may be normal.
        if evaluation is not None and (evaluation.passed or evaluation.severity is dg.AssetCheckSeverity.ERROR):
            samples.add(names.LEDGER_CHECK, int(evaluation.passed), check)
