"""Which run does a piece of work: one that already does it, or one that is submitted, exactly one for all who ask.

A run carries its work in its name. An idempotency token is made of the work and of the run that last did it, so that
two who ask at once submit with the same token and get the same run, and who asks later gets a new one.
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
_PASSING = "staging_uri"
"""The parameter that names the attempt, not the work."""


@dataclass(frozen=True, slots=True)
class Work:
    """A job with its parameters.

    Attributes:
        job: a name of `spark_jobs.JOBS`.
        parameters: what it takes.
    """

    job: str
    parameters: Json

    @property
    def tag(self) -> str:
        """What is equal for equal work, whoever asks for it."""
        lasting = {name: value for name, value in self.parameters.items() if name != _PASSING}
        return _digest(self.job, json.dumps(lasting, sort_keys=True))[:24]

    @property
    def name(self) -> str:
        """How the names of its runs begin."""
        return f"pinterest_platform {self.job} {self.tag} "

    def token(self, after: str) -> str:
        """The token of the run that comes after another one, named by its id or token; "" for the first one."""
        return _digest(self.tag, after)[:32]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run to be: its token, which also names its folder; and its id, where it is there already and is joined."""

    work: Work
    token: str
    joined: int | None = None

    @property
    def run_name(self) -> str:
        """The run's name: the work, and the token by which those who join it find its folder."""
        return self.work.name + self.token


class SupersededError(Exception):
    """The run that answers to a token is of the past; `after` names what the next token is made of."""

    def __init__(self, after: str) -> None:
        super().__init__(f"{after} is of the past")
        self.after = after


@dataclass(slots=True)
class Runs:
    """The one-time runs of a workspace.

    Attributes:
        jobs: the workspace's Jobs API.
        horizon_ms: up to when a run may have begun unseen, ms since the epoch; later ones were looked through.
    """

    jobs: JobsAPI
    horizon_ms: int = field(default_factory=lambda: int(time.time() * 1000) - _RECENT_MS)

    def attempt(self, work: Work) -> Attempt:
        """The active run of this work, to be joined; else the token of the run after the last one."""
        found = self.active(work) or self._last(work)
        if found is None or found.run_id is None:
            return Attempt(work, work.token(""))
        if is_over(found):
            return Attempt(work, work.token(str(found.run_id)))
        return Attempt(work, (found.run_name or "").removeprefix(work.name), found.run_id)

    def active(self, work: Work) -> BaseRun | None:
        """The run that does this work now."""
        listed = self.jobs.list_runs(active_only=True, run_type=RunType.SUBMIT_RUN)
        return next((run for run in listed if _does(run, work)), None)

    def refuse_superseded(self, run: Run, attempt: Attempt) -> None:
        """Refuse a run that was over before the work was asked for: its token answers for ever.

        Raises:
            SupersededError: naming the run after which the next one comes.
        """
        if not is_over(run) or run.run_id is None:
            return
        # By what was looked through, not by clocks: the workspace's may be another one.
        if attempt.joined is None and run.start_time is not None and run.start_time <= self.horizon_ms:
            raise SupersededError(str(run.run_id))

    def _last(self, work: Work) -> BaseRun | None:
        """The newest run of this work among recent ones: a shortcut, for tokens lead from any run to the last."""
        listed = self.jobs.list_runs(run_type=RunType.SUBMIT_RUN, start_time_from=self.horizon_ms)
        for count, run in enumerate(listed, start=1):
            if _does(run, work):
                return run
            if count == _RECENT_RUNS:
                self.horizon_ms = run.start_time or self.horizon_ms
                break
        return None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What the SDK's `submit` returns, as far as dagster-databricks looks at it."""

    run_id: int

    def bind(self) -> dict[str, int]:
        """The run's id."""
        return {"run_id": self.run_id}


@dataclass(frozen=True, slots=True)
class IdempotentJobs:
    """What stands for the Jobs API in dagster-databricks' clients: it submits with the token, or joins.

    Attributes:
        api: the workspace's Jobs API.
        attempt: the run to be.
    """

    api: JobsAPI
    attempt: Attempt

    def submit(self, *, tasks: list[SubmitTask], **arguments: Any) -> "Submitted":
        """Submit a one-time run; it is the run that is there already, where there is one.

        Raises:
            SupersededError: the token's run has been deleted.
        """
        attempt = self.attempt
        if attempt.joined is not None:
            return Submitted(attempt.joined)
        try:
            made = self.api.submit(tasks=tasks, run_name=attempt.run_name, idempotency_token=attempt.token, **arguments)
        except BadRequest as error:
            # A workspace keeps the tokens of runs that it has deleted.
            if "token" in str(error).lower() and "deleted" in str(error).lower():
                raise SupersededError(attempt.token) from error
            raise
        return Submitted(made.bind()["run_id"])

    def get_run(self, run_id: int) -> Run:
        """A run as it is now."""
        return self.api.get_run(run_id)


def is_over(run: BaseRun | Run) -> bool:
    """Whether nothing of a run goes on any more."""
    return run.state is not None and run.state.life_cycle_state in _OVER


def is_cancelled(run: BaseRun | Run) -> bool:
    """Whether somebody cancelled it."""
    return run.state is not None and run.state.result_state is RunResultState.CANCELED


def _does(run: BaseRun, work: Work) -> bool:
    return (run.run_name or "").startswith(work.name)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
