"""Why a run failed, read from its events."""

from dataclasses import dataclass
from typing import Protocol

import dagster as dg

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.ports import Cause

PERMANENT_ERRORS = {PermanentFailure.__name__, "DagsterAssetCheckFailedError"}
"""Classes of errors that trying again does not change: what a person has to mend, and a blocking check that failed."""

_OURS = {PermanentFailure.__name__, TransientFailure.__name__}
"""Classes of errors whose text is the platform's own, and so holds no secret."""

_FAILURES = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


class _Error(Protocol):
    """An error as Dagster keeps it, with what it was raised from; Dagster exports no name for it."""

    @property
    def cls_name(self) -> str | None: ...

    @property
    def message(self) -> str: ...

    @property
    def cause(self) -> "_Error | None": ...


@dataclass(frozen=True, slots=True)
class FailureCauses:
    """Why a run failed, and whether trying again changes nothing: so it is where any of its steps says so."""

    permanent: bool
    causes: tuple[Cause, ...]


def failure_causes(instance: dg.DagsterInstance, run_id: str) -> FailureCauses:
    """Why a run failed.

    What is not known to be permanent may pass: a lost process, a full disk, an error that nobody foresaw.
    """
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=_FAILURES) if entry.dagster_event]
    steps = [event for event in events if event.is_step_failure]
    told = [_of_step(event) for event in steps] or [_of_run(event) for event in events]
    return FailureCauses(any(permanent for permanent, _ in told), tuple(cause for _, cause in told))


def _of_step(event: dg.DagsterEvent) -> tuple[bool, Cause]:
    data = event.step_failure_data
    told = data.user_failure_data.metadata if data.user_failure_data else {}
    if {"asset", "cause", "next_step", "kind"} <= told.keys():
        asset, what, action, kind = (str(told[name].value) for name in ("asset", "cause", "next_step", "kind"))
        return kind == "permanent", Cause(asset, what, action)
    return _of_error(event.step_key or event.job_name, data.error, "failed")


def _of_run(event: dg.DagsterEvent) -> tuple[bool, Cause]:
    """A run that failed outside of any step: its resources were not to be had, or its process died."""
    error = event.job_failure_data.error if event.event_specific_data else None
    return _of_error(event.job_name, error, event.message or "the run failed")


def _of_error(where: str, error: _Error | None, otherwise: str) -> tuple[bool, Cause]:
    """What is told of an error that no step explained: ours in full; of others the class, as they may hold anything."""
    chain: list[_Error] = []
    while error is not None:
        chain.append(error)
        error = error.cause
    permanent = any(found.cls_name in PERMANENT_ERRORS for found in chain)
    if chain and chain[-1].cls_name in _OURS:
        return permanent, Cause(where, chain[-1].message.partition(": ")[2].strip(), "The run's log tells more.")
    what = f"{chain[-1].cls_name} was raised." if chain else f"{otherwise.rstrip('.')}."
    return permanent, Cause(where, what, "The run's log tells more.")
