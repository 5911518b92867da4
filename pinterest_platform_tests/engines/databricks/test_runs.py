"""The run of a piece of work, chosen from a list of runs of the SDK."""

from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest
from databricks.sdk.service.jobs import BaseRun, JobsAPI, Run, RunLifeCycleState, RunResultState, RunState, SubmitTask

from pinterest_platform.engines.databricks.runs import Attempt, IdempotentJobs, Runs, SupersededError, Work

PARAMETERS = {"entity": "geo", "batches": [{"uris": ["a"]}], "staging_uri": "s3://b/staging/run-1"}
WORK = Work("clean", PARAMETERS)
NOW = 1_000_000
ACTIVE = RunState(RunLifeCycleState.RUNNING)
SUCCEEDED = RunState(RunLifeCycleState.TERMINATED, result_state=RunResultState.SUCCESS)
CANCELLED = RunState(RunLifeCycleState.TERMINATED, result_state=RunResultState.CANCELED)
TASKS = [SubmitTask("t")]


class Jobs(JobsAPI):
    """Existing runs, newest first, and the token of each submitted one."""

    def __init__(self, *runs: BaseRun) -> None:
        self.runs = list(runs)
        self.tokens: dict[str, int] = {}
        self.deleted: set[str] = set()
        self.names: list[str] = []

    def list_runs(self, **arguments: Any) -> Iterator[BaseRun]:
        over = (RunLifeCycleState.TERMINATED, RunLifeCycleState.INTERNAL_ERROR)
        for run in self.runs:
            if not arguments.get("active_only") or (run.state and run.state.life_cycle_state not in over):
                yield run

    def submit(self, **arguments: Any) -> Any:
        token = arguments["idempotency_token"]
        assert len(token) <= 64
        if token in self.deleted:
            raise BadRequest(f"The run of idempotency token {token} has been deleted.")
        self.names.append(arguments["run_name"])
        run_id = self.tokens.setdefault(token, len(self.tokens) + 1)

        class Waiting:
            def bind(self) -> dict[str, int]:
                return {"run_id": run_id}

        return Waiting()


def run_of(attempt: Attempt, run_id: int, state: RunState) -> BaseRun:
    return BaseRun(run_id=run_id, run_name=attempt.run_name, state=state)


def submitted(jobs: Jobs, attempt: Attempt) -> int:
    return IdempotentJobs(jobs, attempt).submit(tasks=TASKS).run_id


def test_equal_work_has_equal_tags_for_any_caller_and_order_of_parameters() -> None:
    reordered = dict(reversed(list((PARAMETERS | {"staging_uri": "s3://b/staging/run-2"}).items())))
    assert Work("clean", reordered).tag == WORK.tag
    assert Work("clean", {**PARAMETERS, "entity": "pin"}).tag != WORK.tag
    assert Work("verify", PARAMETERS).tag != WORK.tag


def test_an_active_run_of_the_work_is_joined() -> None:
    first = Runs(Jobs()).attempt(WORK)
    other = Runs(Jobs()).attempt(Work("verify", {}))
    jobs = Jobs(run_of(other, 8, ACTIVE), run_of(first, 7, ACTIVE))
    assert Runs(jobs).attempt(WORK) == Attempt(WORK, first.token, 7)
    assert submitted(jobs, Runs(jobs).attempt(WORK)) == 7
    assert jobs.names == []


def test_concurrent_callers_get_one_run() -> None:
    jobs = Jobs()
    first, second = Runs(jobs).attempt(WORK), Runs(jobs).attempt(WORK)
    assert submitted(jobs, first) == submitted(jobs, second)


def test_a_caller_after_the_end_gets_a_new_run() -> None:
    jobs = Jobs()
    first = Runs(jobs).attempt(WORK)
    run_id = submitted(jobs, first)
    jobs.runs.insert(0, run_of(first, run_id, SUCCEEDED))
    assert submitted(jobs, Runs(jobs).attempt(WORK)) != run_id


def test_a_run_that_is_not_listed_any_more_leads_to_the_next_one() -> None:
    jobs = Jobs()
    first = Runs(jobs).attempt(WORK)
    run_id = submitted(jobs, first)
    attempt = Runs(jobs, NOW).attempt(WORK)
    assert submitted(jobs, attempt) == run_id
    with pytest.raises(SupersededError) as superseded:
        Runs(jobs, NOW).refuse_superseded(Run(run_id=run_id, state=SUCCEEDED, start_time=NOW - 1), attempt)
    assert submitted(jobs, Attempt(WORK, WORK.token(superseded.value.after))) != run_id


def test_a_limited_number_of_runs_is_listed_and_older_ones_count_as_unlisted() -> None:
    other = Runs(Jobs()).attempt(Work("verify", {}))
    first = Runs(Jobs()).attempt(WORK)
    listed = [run_of(other, 1000 - n, SUCCEEDED) for n in range(300)]
    for number, run in enumerate(listed):
        run.start_time = NOW - number
    runs = Runs(Jobs(*listed, run_of(first, 1, SUCCEEDED)), 0)
    attempt = runs.attempt(WORK)
    assert attempt == first
    assert 0 < runs.horizon_ms < NOW
    with pytest.raises(SupersededError):
        runs.refuse_superseded(Run(run_id=1, state=SUCCEEDED, start_time=runs.horizon_ms), attempt)
    runs.refuse_superseded(Run(run_id=1, state=SUCCEEDED, start_time=NOW), attempt)


def test_a_run_whose_token_was_deleted_with_it_leads_to_the_next_one() -> None:
    jobs = Jobs()
    attempt = Runs(jobs).attempt(WORK)
    jobs.deleted.add(attempt.token)
    with pytest.raises(SupersededError) as superseded:
        submitted(jobs, attempt)
    assert submitted(jobs, Attempt(WORK, WORK.token(superseded.value.after)))


@pytest.mark.parametrize(
    ("joined", "run"),
    [
        (None, Run(run_id=1, state=ACTIVE)),
        (None, Run(run_id=1, state=SUCCEEDED, start_time=NOW + 1)),
        (None, Run(run_id=1, state=CANCELLED, start_time=NOW + 1)),
        (1, Run(run_id=1, state=SUCCEEDED, start_time=NOW - 1)),
        (1, Run(run_id=1, state=CANCELLED, start_time=NOW + 1)),
        (None, Run(run_id=1, state=ACTIVE, start_time=NOW - 1)),
    ],
)
def test_a_run_that_was_active_during_the_attempt_is_used(joined: int | None, run: Run) -> None:
    Runs(Jobs(), NOW).refuse_superseded(run, Attempt(WORK, "t", joined))


def test_other_refusals_do_not_count_as_a_deleted_run() -> None:
    class Refusing(Jobs):
        def submit(self, **arguments: Any) -> Any:
            raise BadRequest("Cluster c does not exist")

    with pytest.raises(BadRequest):
        submitted(Refusing(), Attempt(WORK, "t"))
