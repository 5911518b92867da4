"""The Databricks engine with real jobs, on a workspace with chosen faults."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.jobs import RunResultState

from emulators.services.databricks.options import CLUSTER_ID, VOLUME
from pinterest_platform.engines.databricks import DatabricksEngine, pipes
from pinterest_platform.engines.databricks.runs import IdempotentJobs
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import Json
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, VerifyParameters
from pinterest_platform_tests.emulators.services.databricks.server import TOKEN, Server
from pinterest_platform_tests.spark_fixtures import STREAM, lines, table_rows, write_object

IN_VOLUME = {"PINTEREST_DATABRICKS_VOLUME": f"/Volumes/{VOLUME}"}
SERVERLESS = {"PINTEREST_DATABRICKS_COMPUTE": "serverless", **IN_VOLUME}
NEW = {
    "PINTEREST_DATABRICKS_COMPUTE": "new",
    "PINTEREST_DATABRICKS_NEW_CLUSTER": json.dumps(
        {"spark_version": "17.3.x-scala2.13", "node_type_id": "m6g.large", "num_workers": 1}
    ),
}


class Abandoned(Exception):
    """The end of a caller that does not notify the workspace."""


class Desk:
    """Engines on one workspace, and the state of that workspace."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.lines: list[str] = []

    def engine(self, **changed: Any) -> DatabricksEngine:
        variables = {
            "KAFKA_BOOTSTRAP_SERVERS": "x:1",
            "DATABRICKS_HOST": self.server.url,
            "DATABRICKS_TOKEN": TOKEN,
            "DATABRICKS_CLUSTER_ID": CLUSTER_ID,
        }
        return DatabricksEngine(Settings.model_validate(variables | changed))

    def run(self, job: str, parameters: Json, **changed: Any) -> Json:
        return self.engine(**changed).run(job, parameters, self.lines.append)

    def abandon(self, job: str, parameters: Json) -> None:
        """Submit work, and end as soon as its run exists."""

        def abandon(line: str) -> None:
            raise Abandoned(line)

        with pytest.raises(Abandoned):
            self.engine().run(job, parameters, abandon)

    def runs(self) -> list[Any]:
        return list(self.server.client.jobs.list_runs())

    def files(self, part: str) -> list[str]:
        root = self.server.folder / "data" / "files"
        paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return [path for path in paths if part in path]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("workspace"), "--controls").start()
    yield started
    started.stop()


@pytest.fixture
def desk(server: Server) -> Iterator[Desk]:
    yield Desk(server)
    server.faults()


@pytest.fixture
def cleaning(tmp_path: Path) -> Callable[[], Json]:
    """A factory of the same work for different attempts."""
    uri = write_object(tmp_path / "object.json", lines([{"ind": 1, "first_name": "Zoë 😀"}, b'{"ind":"x"}']))

    def parameters() -> Json:
        staging = str(tmp_path / f"staging-{threading.get_ident()}-{id(object())}")
        uris = (str(tmp_path / "table"), str(tmp_path / "quarantine"), staging)
        return CleanParameters("user", STREAM, [Batch([uri], {"id/0": 1}, 2)], *uris, route="kafka").to_json()

    return parameters


def inspecting(tmp_path: Path, uris: int = 0) -> Json:
    addresses = (str(tmp_path / "nowhere"), str(tmp_path / "quarantine"))
    return VerifyParameters(
        "geo", STREAM, [f"s3://bucket/{n:0100}" for n in range(uris)], *addresses, route="kafka"
    ).to_json()


@pytest.mark.parametrize("compute", [{}, SERVERLESS, NEW], ids=["existing", "serverless", "new"])
def test_a_job_runs_on_each_kind_of_compute(
    compute: dict[str, str], desk: Desk, cleaning: Callable[[], Json], tmp_path: Path
) -> None:
    result = desk.run("clean", cleaning(), **compute)
    assert (result["records"], result["new"], result["quarantined"]) == (2, 1, 1)
    assert [row["user_name"] for row in table_rows(str(tmp_path / "table"))] == ["Zoë 😀"]
    assert any(line.startswith("clean: submitted the Databricks run http") for line in desk.lines)
    assert "user: batch 1 of 1: 2 records, 1 key, 1 quarantined" in desk.lines
    assert desk.files("/runs/") + desk.files("dbfs/tmp/") == [], "no file of a run is left"


def test_finished_work_is_run_again_on_request_and_the_wheel_is_uploaded_once(desk: Desk, tmp_path: Path) -> None:
    desk.server.faults(skip_runs=2)
    for _ in range(2):
        with pytest.raises(TransientFailure, match="was skipped"):
            desk.run("verify", inspecting(tmp_path))
    newest, older = desk.runs()[:2]
    assert newest.run_name != older.run_name
    assert newest.run_name.rpartition(" ")[0] == older.run_name.rpartition(" ")[0], "equal work is tagged alike"
    assert len(desk.files("Shared/pinterest_platform/wheels")) == 1


@pytest.mark.parametrize("uris", [0, 12_000], ids=["small", "more-than-a-megabyte"])
def test_the_jobs_own_failure_comes_back_as_it_was_with_the_runs_address(uris: int, desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(PermanentFailure) as failure:
        desk.run("verify", inspecting(tmp_path, uris))
    assert failure.value.what == f"There is no Delta table at {tmp_path / 'nowhere'}."
    assert desk.runs()[0].run_page_url in failure.value.action


@pytest.mark.parametrize(
    ("faults", "changed", "text"),
    [
        ({"skip_runs": 1}, {}, "was skipped"),
        ({"fail_runs": 1}, {}, "failed"),
        ({"cluster_seconds": 30}, {"PINTEREST_SPARK_TIMEOUT_SECONDS": 1, **NEW}, "PINTEREST_SPARK_TIMEOUT_SECONDS"),
    ],
)
def test_a_run_that_the_workspace_ends_is_a_transient_failure_with_its_address(
    faults: dict[str, Any], changed: dict[str, Any], text: str, desk: Desk, tmp_path: Path
) -> None:
    desk.server.faults(**faults)
    with pytest.raises(TransientFailure, match=text) as failure:
        desk.run("verify", inspecting(tmp_path), **changed)
    assert desk.runs()[0].run_page_url in str(failure.value)


def test_throttling_outages_and_lost_connections_are_retried(desk: Desk, tmp_path: Path) -> None:
    desk.server.faults(throttle=2, unavailable=2, drop=2, skip_runs=1)
    with pytest.raises(TransientFailure, match="was skipped"):
        desk.run("verify", inspecting(tmp_path))
    remaining = json.loads(urllib.request.urlopen(f"{desk.server.url}/_faults").read())["left"]
    assert remaining == {}


def test_a_lost_reply_to_the_submission_creates_no_second_run(desk: Desk, tmp_path: Path) -> None:
    before = len(desk.runs())
    desk.server.faults(lose_reply=1, path="runs/submit", skip_runs=1)
    with pytest.raises(TransientFailure, match="was skipped"):
        desk.run("verify", inspecting(tmp_path))
    assert len(desk.runs()) == before + 1


def test_concurrent_callers_share_one_run(desk: Desk, cleaning: Callable[[], Json]) -> None:
    before, results = len(desk.runs()), []
    threads = [threading.Thread(target=lambda: results.append(desk.run("clean", cleaning()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert len(desk.runs()) == before + 1
    assert len(results) == 2
    assert results[0] == results[1]


def test_an_abandoned_run_is_joined_and_its_messages_are_read_from_the_first_one(
    desk: Desk, cleaning: Callable[[], Json]
) -> None:
    before = len(desk.runs())
    desk.abandon("clean", cleaning())
    assert desk.run("clean", cleaning())["new"] == 1
    assert len(desk.runs()) == before + 1
    assert any(line.startswith("clean: joined the Databricks run") for line in desk.lines)
    assert "user: batch 1 of 1: 2 records, 1 key, 1 quarantined" in desk.lines


@pytest.mark.parametrize("joined", [True, False])
def test_a_run_that_a_user_cancels_in_the_workspace_stays_cancelled(
    joined: bool, desk: Desk, cleaning: Callable[[], Json]
) -> None:
    before = len(desk.runs())
    if joined:
        desk.abandon("clean", cleaning())

    def cancels(line: str) -> None:
        if ("joined" if joined else "submitted") in line:
            desk.server.client.jobs.cancel_run(desk.runs()[0].run_id)

    with pytest.raises(PermanentFailure, match="was cancelled in the workspace"):
        desk.engine().run("clean", cleaning(), cancels)
    assert len(desk.runs()) == before + 1


@pytest.mark.parametrize("at_once", [True, False])
def test_a_run_that_another_dagster_run_cancels_is_followed_by_a_new_one(
    at_once: bool, desk: Desk, cleaning: Callable[[], Json]
) -> None:
    shared, ended = threading.Barrier(2, timeout=60), threading.Event()
    before = len(desk.runs())

    def interrupted_caller() -> None:
        def interrupts(line: str) -> None:
            if "the Databricks run http" in line:
                shared.wait()
                raise KeyboardInterrupt

        with suppress(BaseException):
            desk.engine().run("clean", cleaning(), interrupts)
        ended.set()

    def waits(line: str) -> None:
        desk.lines.append(line)
        if "the Databricks run http" in line and not ended.is_set():
            shared.wait()
            assert ended.wait(60)
            desk.server.faults(skip_runs=1)

    if not at_once:
        desk.abandon("clean", cleaning())
    other = threading.Thread(target=interrupted_caller)
    other.start()
    with pytest.raises(TransientFailure, match="was skipped"):
        desk.engine().run("clean", cleaning(), waits)
    other.join()
    assert len(desk.runs()) == before + 2


def test_an_interruption_cancels_the_run_and_leaves_nothing_half_done(desk: Desk, cleaning: Callable[[], Json]) -> None:
    def interrupts(line: str) -> None:
        desk.lines.append(line)
        if line.endswith("RUNNING"):
            raise KeyboardInterrupt

    with pytest.raises(BaseException) as interrupted:  # noqa: PT011
        desk.engine().run("clean", cleaning(), interrupts)
    assert not isinstance(interrupted.value, PlatformFailure)
    assert desk.runs()[0].state.result_state is RunResultState.CANCELED
    assert desk.lines[-1].startswith("clean: cancelled")


def test_an_interruption_while_the_run_is_submitted_cancels_it_too(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = IdempotentJobs.submit

    def interrupted(self: IdempotentJobs, **arguments: Any) -> None:
        submit(self, **arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(IdempotentJobs, "submit", interrupted)
    desk.server.faults(cluster_seconds=60)
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        desk.run("verify", inspecting(tmp_path), **NEW)
    assert not isinstance(raised.value, PlatformFailure)
    assert desk.runs()[0].state.result_state is RunResultState.CANCELED


def test_a_result_whose_messages_cannot_be_read_comes_from_the_output(
    desk: Desk, cleaning: Callable[[], Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes.MessageReader, "read", lambda self: None)
    assert desk.run("clean", cleaning())["rows"] == 1


@pytest.mark.parametrize(
    ("changed", "kind", "text"),
    [
        ({"DATABRICKS_TOKEN": "dapi-hunter2"}, PermanentFailure, "DATABRICKS_TOKEN"),
        ({"DATABRICKS_CLUSTER_ID": "none"}, PermanentFailure, "Cluster none does not exist"),
        ({"DATABRICKS_HOST": "http://127.0.0.1:9", "PINTEREST_IO_TIMEOUT_SECONDS": 0.5}, TransientFailure, "is up"),
        ({"PINTEREST_DATABRICKS_WHEEL": "nowhere.whl"}, PermanentFailure, "cannot be read"),
    ],
)
def test_an_error_of_the_workspace_is_reported_without_the_token(
    changed: dict[str, Any], kind: type[PlatformFailure], text: str, desk: Desk, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=text) as failure:
        desk.run("verify", inspecting(tmp_path), **changed)
    assert "hunter2" not in str(failure.value) + str(desk.lines)
