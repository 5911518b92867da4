"""Drains, the daily run's retries and its alerts under a real `dagster dev`, which is killed in the middle."""

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from deltalake.exceptions import TableNotFoundError

from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import USER
from pinterest_platform.orchestration.daily.history import ATTEMPT_TAG, DAY_TAG
from pinterest_platform.provisioning.streams import delete_streams, ensure_streams
from pinterest_platform.settings import load
from pinterest_platform_tests.adapters.test_notifiers import webhook
from pinterest_platform_tests.defs.operations.schedule_daemon import midnight
from pinterest_platform_tests.e2e.dagster_dev import DagsterDev, eventually
from pinterest_platform_tests.e2e.harness import Tenant, business_rows, failed_checks

DAY, NEXT_DAY = str(midnight().date()), str((midnight() + timedelta(days=1)).date())
"""Both have time left: a run that is still queued 23 hours after its midnight has an alert of its own."""
INVALID_GAP = {"ops": {"raw__pin": {"config": {"accept_gap": ["this is not a range"]}}}}


@pytest.fixture
def dev(tmp_path: Path, user: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterDev]:
    """Yield a `dagster dev` that is not started yet; the streams of the other route exist."""
    monkeypatch.setenv("PINTEREST_KINESIS_SHARDS", "1")
    settings = load()
    ensure_streams(settings)
    dagster = DagsterDev(tmp_path)
    try:
        yield dagster
    finally:
        dagster.kill()
        delete_streams(settings)


def posts(first: int, last: int) -> list[dict[str, object]]:
    return [{"ind": number, "first_name": "A", "last_name": str(number), "age": 30} for number in range(first, last)]


def put(user: Tenant, values: list[dict[str, object]]) -> None:
    """Put posts of the user entity on its stream."""
    records = [{"Data": json.dumps(value).encode(), "PartitionKey": str(value["ind"])} for value in values]
    response = kinesis_client(user.settings).put_records(StreamName=user.names.stream(USER), Records=records)
    assert response["FailedRecordCount"] == 0


def streamed(user: Tenant) -> int:
    try:
        return len(business_rows(user.names.cleaned_stream_uri(USER)))
    except TableNotFoundError:
        return 0


def rows(user: Tenant) -> int:
    try:
        return len(user.business(USER))
    except TableNotFoundError:
        return 0


@pytest.mark.timeout(1200)
def test_runs_that_are_terminated_or_die_with_dagster_are_followed_by_runs_that_complete(
    user: Tenant, dev: DagsterDev
) -> None:
    user.produce(USER, posts(0, 100))
    with webhook() as hook:
        dev.start(PINTEREST_DRAIN_IDLE_SECONDS="600", PINTEREST_ALERT_WEBHOOK=hook.url)
        failing = dev.launch("batch_pipeline", INVALID_GAP, {DAY_TAG: DAY, ATTEMPT_TAG: "1"})

        terminated = dev.running("kafka_pipeline").run_id
        eventually("the first rows", lambda: rows(user) == 100)
        dev.terminate(terminated)
        assert dev.run_ended(terminated).status is dg.DagsterRunStatus.CANCELED
        user.produce(USER, posts(100, 200))
        eventually("another drain to apply the next rows", lambda: rows(user) == 200)

        # A permanent failure is alerted once, however many ticks there are.
        eventually("an alert", lambda: hook.requests)
        assert dev.run_ended(failing).status is dg.DagsterRunStatus.FAILURE
        [(_, _, alert)] = hook.requests
        assert (alert["run_id"], alert["date"], alert["attempts"]) == (failing, DAY, 1)
        assert alert["causes"][0]["asset"] == "raw/pin"

        drain = dev.running("kafka_pipeline").run_id
        assert drain != terminated
        scheduled = dev.launch("batch_pipeline", {}, {DAY_TAG: NEXT_DAY, ATTEMPT_TAG: "1"})
        assert dev.running("batch_pipeline").run_id == scheduled
        user.produce(USER, posts(200, 400))
        dev.kill()
        statuses = {run.run_id: run.status for job in ("kafka_pipeline", "batch_pipeline") for run in dev.runs(job)}
        assert statuses[drain] is statuses[scheduled] is dg.DagsterRunStatus.STARTED

        user.produce(USER, posts(400, 500))
        put(user, posts(0, 50))
        dev.start(PINTEREST_DRAIN_IDLE_SECONDS="0", PINTEREST_RETRY_DELAY_SECONDS="1", PINTEREST_ALERT_WEBHOOK=hook.url)
        eventually("a drain to apply the remaining rows", lambda: rows(user) == 500)
        eventually("the other route's drain to apply the records of its stream", lambda: streamed(user) == 50)
        assert dev.run_ended(drain).status is dg.DagsterRunStatus.FAILURE

        def second_attempt() -> dg.DagsterRun | None:
            return next((run for run in dev.runs("batch_pipeline") if run.tags.get(ATTEMPT_TAG) == "2"), None)

        second = dev.run_ended(eventually("the second attempt", second_attempt).run_id)
        assert second.status is dg.DagsterRunStatus.SUCCESS
        assert second.tags[DAY_TAG] == NEXT_DAY
        assert len(hook.requests) == 1
        dev.kill()

    result = user.run_well()
    assert "ledger/conservation:every_offset_is_accounted_for" not in failed_checks(result)
    assert [row[0] for row in user.business(USER)] == list(range(500))
    assert len(user.raw_lines(USER)) == 500
    user.assert_agrees_with_the_oracle()
    assert subprocess.run(["pgrep", "-f", str(dev.home)], capture_output=True, check=False).stdout == b""
