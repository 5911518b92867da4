"""The runs of the scheduled job, as the decisions about a day see them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS
from pinterest_platform.orchestration.daily.causes import failure_causes
from pinterest_platform.orchestration.daily.policy import Outcome, PipelineRun
from pinterest_platform.orchestration.runs import LIVE, WRITER, declare_dead, host_of, is_orphan

JOB = "batch_pipeline"
DAY_TAG = "pinterest/daily"
ATTEMPT_TAG = "pinterest/attempt"
RETRIES_TAG = "pinterest/retries"
ALERTED_TAG = "pinterest/alerted"

RESULTS = frozenset(
    dg.AssetKey([layer, name])
    for layer, names in {
        "raw": [entity.name for entity in ENTITIES],
        "cleaned": [entity.name for entity in ENTITIES],
        "reports": [*REPORT_KEYS, "page"],
    }.items()
    for name in names
)
"""What a day wants made; the ledger looks at it, and is no part of it. The UI names all assets of a whole run."""

_RESUMED_TAGS = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")

LOOK_BACK = timedelta(days=7)
"""How long an alert that could not be told is still owed, and how far back runs are looked at."""


def pipeline_runs(instance: dg.DagsterInstance) -> list[PipelineRun]:
    """The job's runs of the last days, newest first; those that nobody works on are declared dead before."""
    wanted = dg.RunsFilter(job_name=JOB, tags=WRITER, created_after=datetime.now(UTC) - LOOK_BACK)
    live = instance.get_run_records(dg.RunsFilter(job_name=JOB, tags=WRITER, statuses=list(LIVE)))
    for record in live:
        if is_orphan(record):
            declare_dead(instance, record.dagster_run.run_id)
    return _seen(instance, instance.get_run_records(wanted))


def _seen(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> list[PipelineRun]:
    seen: list[PipelineRun] = []
    judged: set[date | None] = {None}
    for record in records:
        run, tags = record.dagster_run, record.dagster_run.tags
        whole, outcome = _is_whole(instance, run), _outcome(run.status)
        # A part that a person executes again inherits the day, which it does not do the work of.
        day = _day(tags.get(DAY_TAG)) if whole else None
        # A day's last run alone decides, and events are read where they are needed: ticks are many.
        asked = outcome is Outcome.FAILED and day not in judged and ALERTED_TAG not in tags
        judged.add(day)
        seen.append(
            PipelineRun(
                run_id=run.run_id,
                outcome=outcome,
                ended=record.end_time,
                day=day,
                attempt=_number(tags.get(ATTEMPT_TAG)),
                permanent=asked and failure_causes(instance, run.run_id).permanent,
                whole=whole,
                retries_cancelled=RETRIES_TAG in tags,
                alerted=ALERTED_TAG in tags,
                host=host_of(run),
            )
        )
    return seen


def _is_whole(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run was to make all that a day wants; one that goes on where another failed makes that one's rest."""
    if run.parent_run_id and any(run.tags.get(tag) == "true" for tag in _RESUMED_TAGS):
        parent = instance.get_run_by_id(run.parent_run_id)
        return parent is None or _is_whole(instance, parent)
    # A run without a parent names all of its steps, or none.
    if run.op_selection or (run.parent_run_id and run.step_keys_to_execute):
        return False
    return not run.asset_selection or run.asset_selection >= RESULTS


def _outcome(status: dg.DagsterRunStatus) -> Outcome:
    ended = {
        dg.DagsterRunStatus.SUCCESS: Outcome.SUCCEEDED,
        dg.DagsterRunStatus.FAILURE: Outcome.FAILED,
        dg.DagsterRunStatus.CANCELED: Outcome.CANCELLED,
    }
    return ended.get(status, Outcome.LIVE)


def _day(told: str | None) -> date | None:
    try:
        return date.fromisoformat(told or "")
    except ValueError:
        return None  # a person's own tag: the run counts as started by hand


def _number(told: str | None) -> int:
    return int(told) if told and told.isdecimal() else 1
