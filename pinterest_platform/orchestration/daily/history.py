"""The runs of the scheduled job, as the decisions about a day read them."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS
from pinterest_platform.orchestration.causes import failure_causes
from pinterest_platform.orchestration.daily.decision import PipelineRun
from pinterest_platform.orchestration.runs import end_orphans, host_of, writer_runs
from pinterest_platform.orchestration.workers import HIDDEN, bookkeeping

JOB = "batch_pipeline"
DAY_TAG = "pinterest/daily"
ATTEMPT_TAG = "pinterest/attempt"
RETRIES_TAG = "pinterest/retries"
ALERTED_TAG = f"{HIDDEN}pinterest/alerted"

RESULTS = frozenset(
    [dg.AssetKey([layer, entity.name]) for layer in ("raw", "cleaned") for entity in ENTITIES]
    + [dg.AssetKey(["reports", name]) for name in (*REPORT_KEYS, "page")]
)
"""The assets that a day's run makes. The ledger only checks them. The UI selects all assets for a complete run."""

LOOK_BACK = timedelta(days=7)
"""Age up to which runs are read, and so the time for which delivery of an alert is retried."""

_RESUMED_TAGS = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")


def pipeline_runs(instance: dg.DagsterInstance) -> list[PipelineRun]:
    """Return the job's complete runs of the last days and its live ones, newest first, after ending orphans."""
    end_orphans(instance)
    runs: list[PipelineRun] = []
    for record in writer_runs(instance, JOB, created_after=datetime.now(UTC) - LOOK_BACK):
        run, tags = record.dagster_run, record.dagster_run.tags
        complete = _is_complete(instance, run)
        if run.is_finished and not complete:
            continue
        # A part that a user executes again inherits the day, and does not do its work.
        day = _day(tags.get(DAY_TAG, "")) if complete else None
        # Only a day's last run decides, and ticks are frequent: read the events of no other.
        alerted = bookkeeping(run, ALERTED_TAG) is not None
        decides = run.is_failure and day and not alerted and all(newer.day != day for newer in runs)
        attempt = tags.get(ATTEMPT_TAG, "")
        runs.append(
            PipelineRun(
                run_id=run.run_id,
                status=run.status,
                ended=record.end_time,
                created=record.create_timestamp.timestamp(),
                day=day,
                attempt=int(attempt) if attempt.isdecimal() else 1,
                permanent=bool(decides) and any(permanent for _, permanent in failure_causes(instance, run.run_id)),
                retries_cancelled=RETRIES_TAG in tags,
                alerted=alerted,
                host=host_of(run),
            )
        )
    return runs


def is_daily(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return True if a run does the work of a day, whose retries and alert are decided elsewhere."""
    return run.job_name == JOB and _day(run.tags.get(DAY_TAG, "")) is not None and _is_complete(instance, run)


def _is_complete(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return True if a run materializes all `RESULTS`; a run resumed from a failure counts as its parent does."""
    if run.parent_run_id and any(run.tags.get(tag) == "true" for tag in _RESUMED_TAGS):
        parent = instance.get_run_by_id(run.parent_run_id)
        return parent is None or _is_complete(instance, parent)
    # A run without a parent names all of its steps, or none.
    if run.op_selection or (run.parent_run_id and run.step_keys_to_execute):
        return False
    return not run.asset_selection or run.asset_selection >= RESULTS


def _day(tag: str) -> date | None:
    try:
        return date.fromisoformat(tag)
    except ValueError:
        return None  # no tag, or one that a user wrote: the run counts as started manually
