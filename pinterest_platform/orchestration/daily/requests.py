"""The runs that the schedule and its retries request."""

import time
from datetime import date

import dagster as dg

from pinterest_platform.orchestration.daily.decision import Step, decisions, retry
from pinterest_platform.orchestration.daily.history import ATTEMPT_TAG, DAY_TAG, RETRIES_TAG, pipeline_runs


def attempt_request(day: date, attempt: int) -> dg.RunRequest:
    """Return the request of an attempt, with priority: drains follow one another within seconds."""
    tags = {DAY_TAG: str(day), ATTEMPT_TAG: str(attempt), "dagster/priority": "10"}
    # The key keeps a tick that is evaluated twice from starting two runs. It never decides whether to start one.
    return dg.RunRequest(run_key=f"{day} attempt {attempt}", tags=tags)


def retry_request(instance: dg.DagsterInstance, delay: float) -> dg.RunRequest | dg.SkipReason:
    """Return the next attempt of the last day once its delay is over, or the reason for none."""
    decision = retry(pipeline_runs(instance), time.time(), delay)
    if decision is None:
        return dg.SkipReason("the schedule has requested no run in the last seven days")
    if decision.step is not Step.REQUEST:
        return dg.SkipReason(decision.reason)
    return attempt_request(decision.day, decision.attempts + 1)


def cancel_retries(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs that wait for a retry, so that there is none and no alert; return a line for each."""
    steps = decisions(pipeline_runs(instance), time.time(), delay=0)
    waiting = [decision for decision in steps if decision.step in (Step.WAIT, Step.REQUEST)]
    for decision in waiting:
        instance.add_run_tags(decision.run_id, {RETRIES_TAG: "cancelled"})
    return [f"attempt {decision.attempts + 1} of {decision.day} will not be made" for decision in waiting]
