"""Runs, their tasks and states, and their JSON form in the database."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

ACTIVE = frozenset({"QUEUED", "PENDING", "RUNNING", "TERMINATING"})
"""Life cycle states of active runs and tasks."""


def now_ms() -> int:
    """Return the current time in ms since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class State:
    """State of a run or a task.

    Args:
        life: its life cycle state.
        result: its result state after its end; a skipped one has none.
        message: the message for the user.
        code: the termination code after its end.
    """

    life: str
    result: str | None = None
    message: str = ""
    code: str = ""

    @property
    def active(self) -> bool:
        """True if it has not ended."""
        return self.life in ACTIVE


SUCCESS = State("TERMINATED", "SUCCESS", "", "SUCCESS")
CANCELED = State("TERMINATED", "CANCELED", "Run cancelled.", "USER_CANCELED")
UPSTREAM_FAILED = State("SKIPPED", "UPSTREAM_FAILED", "An upstream task failed.", "SKIPPED")
LOST = State(
    "INTERNAL_ERROR", "FAILED", "The driver was lost: the workspace stopped while the run was active.", "DRIVER_ERROR"
)


def failed(message: str) -> State:
    """Return the state of a failed job."""
    return State("TERMINATED", "FAILED", message, "RUN_EXECUTION_ERROR")


def timed_out(seconds: float) -> State:
    """Return the state after a time-out."""
    return State("TERMINATED", "TIMEDOUT", f"Run timed out after {seconds:g} seconds.", "RUN_EXECUTION_ERROR")


def broken(message: str, code: str) -> State:
    """Return the state after a failure of the service."""
    return State("INTERNAL_ERROR", "FAILED", message, code)


@dataclass(slots=True)
class Clocked:
    """The common part of runs and tasks; times in ms since the epoch, 0 if they are in the future.

    Args:
        run_id: its number; tasks have numbers of their own.
        state: its state.
        created: time of its submission.
        began: time of its process's start.
        ended: time of its end.
    """

    run_id: int
    state: State = field(default_factory=lambda: State("PENDING"))
    created: int = 0
    began: int = 0
    ended: int = 0

    def move(self, state: State) -> None:
        """Change the state and set the corresponding time."""
        if state.life == "RUNNING" and not self.began:
            self.began = now_ms()
        if not state.active and not self.ended:
            self.ended = now_ms()
        self.state = state


@dataclass(slots=True)
class Task(Clocked):
    """One task of a run.

    Args:
        key: its name in the run.
        given: the task as it was submitted.
        cluster_id: its cluster; empty if it is serverless.
        error: the exception that ended the job, in one line.
        trace: that exception's traceback.
    """

    key: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    cluster_id: str = ""
    error: str = ""
    trace: str = ""

    @property
    def upstream(self) -> list[str]:
        """Keys of the tasks that must succeed first."""
        return [edge["task_key"] for edge in self.given.get("depends_on") or []]

    @property
    def timeout(self) -> float | None:
        """Time-out of its process in seconds; None if there is none."""
        return int(self.given.get("timeout_seconds") or 0) or None


@dataclass(slots=True)
class Run(Clocked):
    """A one-time run.

    Args:
        name: its name.
        given: the submission, without its tasks.
        tasks: its tasks.
    """

    name: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)

    @property
    def timeout(self) -> float | None:
        """Time-out of the run in seconds; None if there is none."""
        return int(self.given.get("timeout_seconds") or 0) or None

    def task(self, run_id: int) -> Task | None:
        """Return the task with that number."""
        return next((task for task in self.tasks if task.run_id == run_id), None)

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON."""
        return asdict(self)


def from_json(document: dict[str, Any]) -> Run:
    """Return the run of a document from `Run.to_json`."""
    tasks = [Task(**{**task, "state": State(**task["state"])}) for task in document["tasks"]]
    return Run(**{**document, "state": State(**document["state"]), "tasks": tasks})
