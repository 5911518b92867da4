"""What a run is: its tasks, their states, and how both are kept as JSON."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

ACTIVE = frozenset({"QUEUED", "PENDING", "RUNNING", "TERMINATING"})
"""Life cycle states of what has not ended."""


def now_ms() -> int:
    """Now, in ms since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class State:
    """How a run or a task is.

    Args:
        life: its life cycle state.
        result: its result state, once it has ended; a skipped one has none.
        message: what the person reads.
        code: the termination code, once it has ended.
    """

    life: str
    result: str | None = None
    message: str = ""
    code: str = ""

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.life in ACTIVE


SUCCESS = State("TERMINATED", "SUCCESS", "", "SUCCESS")
CANCELED = State("TERMINATED", "CANCELED", "Run cancelled.", "USER_CANCELED")
UPSTREAM_FAILED = State("SKIPPED", "UPSTREAM_FAILED", "An upstream task failed.", "SKIPPED")
LOST = State(
    "INTERNAL_ERROR", "FAILED", "The driver was lost: the workspace stopped while the run was active.", "DRIVER_ERROR"
)


def failed(message: str) -> State:
    """The job itself failed."""
    return State("TERMINATED", "FAILED", message, "RUN_EXECUTION_ERROR")


def timed_out(seconds: float) -> State:
    """It took longer than it may."""
    return State("TERMINATED", "TIMEDOUT", f"Run timed out after {seconds:g} seconds.", "RUN_EXECUTION_ERROR")


def broken(message: str, code: str) -> State:
    """The service, and not the job, failed."""
    return State("INTERNAL_ERROR", "FAILED", message, code)


@dataclass(slots=True)
class Clocked:
    """What runs and tasks have in common; times in ms since the epoch, 0 where they have not come.

    Args:
        run_id: its number; tasks have numbers of their own.
        state: how it is.
        created: when it was submitted.
        began: when its process started.
        ended: when it ended.
    """

    run_id: int
    state: State = field(default_factory=lambda: State("PENDING"))
    created: int = 0
    began: int = 0
    ended: int = 0

    def move(self, state: State) -> None:
        """Take a new state, and note the time."""
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
        cluster_id: the cluster that it runs on; empty where it is serverless.
        error: the exception that ended the job, in a line.
        trace: that exception's traceback.
    """

    key: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    cluster_id: str = ""
    error: str = ""
    trace: str = ""

    @property
    def upstream(self) -> list[str]:
        """Keys of the tasks that have to succeed before."""
        return [edge["task_key"] for edge in self.given.get("depends_on") or []]

    @property
    def timeout(self) -> float | None:
        """Seconds that its process may take; None where there is no limit."""
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
        """Seconds that all of it may take; None where there is no limit."""
        return int(self.given.get("timeout_seconds") or 0) or None

    def task(self, run_id: int) -> Task | None:
        """The task of that number."""
        return next((task for task in self.tasks if task.run_id == run_id), None)

    def kept(self) -> dict[str, Any]:
        """The run as JSON."""
        return asdict(self)


def restored(kept: dict[str, Any]) -> Run:
    """The run that `kept` gave."""
    tasks = [Task(**{**task, "state": State(**task["state"])}) for task in kept["tasks"]]
    return Run(**{**kept, "state": State(**kept["state"]), "tasks": tasks})
