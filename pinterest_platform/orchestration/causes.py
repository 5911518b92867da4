"""The causes of a failed run, read from its events."""

from typing import Any

import dagster as dg

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.orchestration.results.last_results import is_repeated
from pinterest_platform.ports import Cause

_CHECK_ERROR = "DagsterAssetCheckFailedError"

PERMANENT_ERRORS = {PermanentFailure.__name__, _CHECK_ERROR}
"""Classes of errors that a retry does not change; the second is a failed blocking check."""

MOST_LINES = 5
"""Lines of a check's finding that an alert shows."""

_FINDINGS = ("problems", "found")
"""The metadata in which checks list what they found, one line each."""

_INTERRUPTION = "DagsterExecutionInterruptedError"

_OWN_ERRORS = {PermanentFailure.__name__, TransientFailure.__name__}
"""Classes of errors whose text is the platform's own, and so contains no secret."""


def failure_causes(instance: dg.DagsterInstance, run_id: str) -> list[tuple[Cause, bool]]:
    """Return the causes of a failed run, each with True if it is permanent; a retry cannot help if one of them is.

    They are those of its failed steps, or the run's own if it failed outside of any step. An error that is not known
    to be permanent is transient: a lost process, a full disk, a defect.
    """
    failures = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=failures) if entry.dagster_event]
    causes: list[tuple[Cause, bool]] = []
    for event in [event for event in events if event.is_step_failure] or events:
        checks = failed_checks(instance, run_id, event.step_key).values() if _is_check_failure(event) else ()
        causes += [(cause, True) for cause in checks] or [_cause(event)]
    return causes


def failed_checks(
    instance: dg.DagsterInstance, run_id: str, step_key: str | None = None
) -> dict[dg.AssetCheckKey, Cause]:
    """Return the checks that a run, or one of its steps, evaluated and that failed as errors, each with its finding."""
    causes: dict[dg.AssetCheckKey, Cause] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        evaluation = entry.asset_check_evaluation
        if evaluation is None or is_repeated(evaluation) or (step_key and entry.step_key != step_key):
            continue
        causes.pop(evaluation.asset_check_key, None)
        if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR:
            causes[evaluation.asset_check_key] = check_cause(evaluation)
    return causes


def check_cause(evaluation: dg.AssetCheckEvaluation) -> Cause:
    """Return the first lines of the finding of a failed check, with its next step."""
    metadata = {name: str(entry.value) for name, entry in evaluation.metadata.items()}
    texts = [metadata[name] for name in _FINDINGS if metadata.get(name)]
    lines = texts[0].splitlines() if texts else [f"{name}: {text}" for name, text in metadata.items()]
    omitted = f"; {len(lines) - MOST_LINES} more in the check's metadata" if len(lines) > MOST_LINES else ""
    finding = "; ".join(line.strip() for line in lines[:MOST_LINES]) + omitted
    action = metadata.get("next_step", "See the check's metadata and the run's log.")
    what = f"Check {evaluation.check_name} failed: {finding or evaluation.description or 'no finding'}."
    return Cause(evaluation.asset_key.to_user_string(), what, action)


def _is_check_failure(event: dg.DagsterEvent) -> bool:
    error: Any = getattr(event.event_specific_data, "error", None)  # Dagster exports no type for it
    return error is not None and error.cls_name == _CHECK_ERROR


def _cause(event: dg.DagsterEvent) -> tuple[Cause, bool]:
    if event.is_step_failure and (failure := event.step_failure_data.user_failure_data):
        metadata = {name: str(entry.value) for name, entry in failure.metadata.items()}
        if {"asset", "cause", "next_step", "kind"} <= metadata.keys():
            cause = Cause(metadata["asset"], metadata["cause"], metadata["next_step"])
            return cause, metadata["kind"] == "permanent"
    error: Any = getattr(event.event_specific_data, "error", None)  # Dagster exports no type for it
    problem, action = f"{(event.message or 'The run failed').rstrip('.')}.", "See the run's log."
    permanent = False
    while error is not None:
        own_message = error.message.partition(": ")[2].strip() if error.cls_name in _OWN_ERRORS else ""
        # The text of any other error may contain anything.
        problem = own_message or f"{error.cls_name} was raised."
        if error.cls_name == _INTERRUPTION:
            problem, action = "It was interrupted: a signal stopped its process.", "Run it again, if it is needed."
        permanent |= error.cls_name in PERMANENT_ERRORS
        error = error.cause
    return Cause(event.step_key or event.job_name, problem, action), permanent
