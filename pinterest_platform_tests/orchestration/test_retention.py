"""Deletion of old runs, on a real instance with SQLite in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pinterest_platform.orchestration.retention import delete_runs, expired_runs


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def run(instance: dg.DagsterInstance, job: str, fails: bool = False) -> str:
    @dg.op
    def work() -> None:
        print("work")
        if fails:
            raise RuntimeError

    @dg.job(name=job, executor_def=dg.in_process_executor)
    def one_op() -> None:
        work()

    return one_op.execute_in_process(instance=instance, raise_on_error=False).run_id


def files(home: Path, run_id: str) -> list[Path]:
    return [path for path in home.rglob(f"*{run_id}*") if path.exists()]


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_old_runs_are_deleted_with_their_events_and_the_last_of_each_outcome_stays(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    old = [run(instance, "a"), run(instance, "a", fails=True), run(instance, "a")]
    last = [run(instance, "a"), run(instance, "a", fails=True), run(instance, "b")]
    waiting = instance.create_run_for_job(dg.GraphDefinition(name="c").to_job(), status=dg.DagsterRunStatus.STARTED)
    assert files(tmp_path, old[0])
    assert set(expired_runs(instance, 0)) == set(old)
    assert run_ids(instance) == {*old, *last, waiting.run_id}
    delete_runs(instance, expired_runs(instance, 0))
    assert run_ids(instance) == {*last, waiting.run_id}
    assert [files(tmp_path, run_id) for run_id in old] == [[], [], []]
    assert all(instance.all_logs(run_id) for run_id in last)


def test_young_runs_and_the_last_materialization_of_an_asset_stay(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def first() -> None: ...

    @dg.asset
    def second() -> None: ...

    runs = [
        dg.materialize([first, second], instance=instance, selection=[name]).run_id for name in ("first", "second") * 2
    ]
    assert expired_runs(instance, 30) == []
    delete_runs(instance, expired_runs(instance, 0))
    assert run_ids(instance) == set(runs[2:])
    assert instance.get_latest_materialization_event(dg.AssetKey("first")) is not None
    assert expired_runs(instance, 0) == []


def test_two_processes_delete_the_same_runs_at_once(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [run(instance, "one"), run(instance, "one")]
    delete_logs = instance.compute_log_manager.delete_logs

    def delete_logs_twice(*, prefix: list[str]) -> None:
        delete_logs(prefix=prefix)
        raise FileNotFoundError(prefix)  # as Dagster does if the folder disappears while it is deleted

    monkeypatch.setattr(instance.compute_log_manager, "delete_logs", delete_logs_twice)
    delete_runs(instance, runs)
    delete_runs(instance, runs)
    assert not run_ids(instance)
    assert not any(files(tmp_path, each) for each in runs)
