"""The run of a piece of work: an active one that is joined, or exactly one that is submitted.

The name of a run identifies its work. The idempotency token derives from the work and from the last run of it. So two
concurrent submissions have the same token and get the same run, and a later submission gets a new one.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk.errors import BadRequest
from databricks.sdk.service.jobs import (
    BaseRun,
    JobsAPI,
    Run,
    RunLifeCycleState,
    RunResultState,
    RunType,
    SubmitTask,
)

from pinterest_platform.ports import Json

_OVER = (RunLifeCycleState.TERMINATED, RunLifeCycleState.SKIPPED, RunLifeCycleState.INTERNAL_ERROR)
_RECENT_MS = 26 * 3600 * 1000
_RECENT_RUNS = 250
_ATTEMPT_PARAMETER = "staging_uri"
"""The parameter that identifies the attempt, not the work."""


@dataclass(frozen=True, slots=True)
class Work:
    """A job with its parameters.

    Attributes:
        job: a name of `spark_jobs.JOBS`.
        parameters: its parameters.
    """

    job: str
    parameters: Json

    @property
    def tag(self) -> str:
        """Return an identifier that is equal for equal work of any caller."""
        parameters = {name: value for name, value in self.parameters.items() if name != _ATTEMPT_PARAMETER}
        return _digest(self.job, json.dumps(parameters, sort_keys=True))[:24]

    @property
    def name(self) -> str:
        """Return the beginning of the names of its runs."""
        return f"pinterest_platform {self.job} {self.tag} "

    def token(self, after: str) -> str:
        """Return the token of the run after the one with this id or token; "" for the first run."""
        return _digest(self.tag, after)[:32]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run to submit or join: its token, which is also the name of its folder, and its id if it is joined."""

    work: Work
    token: str
    joined: int | None = None

    @property
    def run_name(self) -> str:
        """Return the name of the run: the work, and the token by which a joining caller finds its folder."""
        return self.work.name + self.token


class SupersededError(Exception):
    """A token whose run ended before; the next token derives from `after`."""

    def __init__(self, after: str) -> None:
        super().__init__(f"run {after} ended before")
        self.after = after


@dataclass(slots=True)
class Runs:
    """The one-time runs of a workspace.

    Attributes:
        jobs: the workspace's Jobs API.
        horizon_ms: runs that started later were listed, ms since the epoch.
    """

    jobs: JobsAPI
    horizon_ms: int = field(default_factory=lambda: int(time.time() * 1000) - _RECENT_MS)

    def attempt(self, work: Work) -> Attempt:
        """Return the active run of this work, to join it; otherwise the token of the run after the last one."""
        run = self.active(work) or self._last(work)
        if run is None or run.run_id is None:
            return Attempt(work, work.token(""))
        if is_over(run):
            return Attempt(work, work.token(str(run.run_id)))
        return Attempt(work, (run.run_name or "").removeprefix(work.name), run.run_id)

    def active(self, work: Work) -> BaseRun | None:
        """Return the active run of this work, if any."""
        listed = self.jobs.list_runs(active_only=True, run_type=RunType.SUBMIT_RUN)
        return next((run for run in listed if _is_run_of(run, work)), None)

    def refuse_superseded(self, run: Run, attempt: Attempt) -> None:
        """Refuse a run that ended before this attempt: its token returns it permanently.

        Raises:
            SupersededError: the token of the next attempt derives from this run.
        """
        if not is_over(run) or run.run_id is None:
            return
        # Compared with the listed runs, not with this machine's clock, which can differ from the workspace's.
        if attempt.joined is None and run.start_time is not None and run.start_time <= self.horizon_ms:
            raise SupersededError(str(run.run_id))

    def _last(self, work: Work) -> BaseRun | None:
        """Return the newest recent run of this work; a shortcut, because tokens lead from any run to the last one."""
        listed = self.jobs.list_runs(run_type=RunType.SUBMIT_RUN, start_time_from=self.horizon_ms)
        for count, run in enumerate(listed, start=1):
            if _is_run_of(run, work):
                return run
            if count == _RECENT_RUNS:
                self.horizon_ms = run.start_time or self.horizon_ms
                break
        return None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The part of the result of the SDK's `submit` that dagster-databricks reads."""

    run_id: int

    def bind(self) -> dict[str, int]:
        """Return the id of the run."""
        return {"run_id": self.run_id}


@dataclass(frozen=True, slots=True)
class IdempotentJobs:
    """A Jobs API for the clients of dagster-databricks that submits with the token, or joins.

    Attributes:
        api: the workspace's Jobs API.
        attempt: the run to submit or join.
    """

    api: JobsAPI
    attempt: Attempt

    def submit(self, *, tasks: list[SubmitTask], **arguments: Any) -> "Submitted":
        """Submit a one-time run, or return the existing one.

        Raises:
            SupersededError: the token's run has been deleted.
        """
        attempt = self.attempt
        if attempt.joined is not None:
            return Submitted(attempt.joined)
        try:
            submitted = self.api.submit(
                tasks=tasks, run_name=attempt.run_name, idempotency_token=attempt.token, **arguments
            )
        except BadRequest as error:
            # A workspace keeps the tokens of deleted runs.
            if "token" in str(error).lower() and "deleted" in str(error).lower():
                raise SupersededError(attempt.token) from error
            raise
        return Submitted(submitted.bind()["run_id"])

    def get_run(self, run_id: int) -> Run:
        """Return the current state of a run."""
        return self.api.get_run(run_id)


def is_over(run: BaseRun | Run) -> bool:
    """Return whether a run has ended."""
    return run.state is not None and run.state.life_cycle_state in _OVER


def is_cancelled(run: BaseRun | Run) -> bool:
    """Return whether a run was cancelled."""
    return run.state is not None and run.state.result_state is RunResultState.CANCELED


def _is_run_of(run: BaseRun, work: Work) -> bool:
    return (run.run_name or "").startswith(work.name)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
