"""The causes of a failed run, read from its events."""

from typing import Any

import dagster as dg

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.ports import Cause

PERMANENT_ERRORS = {PermanentFailure.__name__, "DagsterAssetCheckFailedError"}
"""Classes of errors that a retry does not change; the second is a failed blocking check."""

_OURS = {PermanentFailure.__name__, TransientFailure.__name__}
"""Classes of errors whose text is the platform's own, and so contains no secret."""


def failure_causes(instance: dg.DagsterInstance, run_id: str) -> list[tuple[Cause, bool]]:
    """Return the causes of a failed run, each with True if it is permanent; a retry cannot help if one of them is.

    They are those of its failed steps, or the run's own if it failed outside of any step. An error that is not known
    to be permanent is transient: a lost process, a full disk, a defect.
    """
    failures = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=failures) if entry.dagster_event]
    return [_cause(event) for event in [event for event in events if event.is_step_failure] or events]


def _cause(event: dg.DagsterEvent) -> tuple[Cause, bool]:
    if event.is_step_failure and (failure := event.step_failure_data.user_failure_data):
        metadata = {name: str(entry.value) for name, entry in failure.metadata.items()}
        if {"asset", "cause", "next_step", "kind"} <= metadata.keys():
            cause = Cause(metadata["asset"], metadata["cause"], metadata["next_step"])
            return cause, metadata["kind"] == "permanent"
    error: Any = getattr(event.event_specific_data, "error", None)  # Dagster exports no type for it
    problem = f"{(event.message or 'The run failed').rstrip('.')}."
    permanent = False
    while error is not None:
        ours = error.message.partition(": ")[2].strip() if error.cls_name in _OURS else ""
        # The text of any other error may contain anything.
        problem = ours or f"{error.cls_name} was raised."
        permanent |= error.cls_name in PERMANENT_ERRORS
        error = error.cause
    return Cause(event.step_key or event.job_name, problem, "See the run's log."), permanent
