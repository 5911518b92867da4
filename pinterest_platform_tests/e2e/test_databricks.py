"""The batch pipeline with Spark work on the emulated Databricks workspace, with the settings of a user."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from databricks.sdk.service.jobs import RunResultState

from pinterest_platform.catalog import GEO, PIN
from pinterest_platform.definitions import defs
from pinterest_platform_tests.e2e.harness import PROJECT, Posts, Tenant, generated_posts
from pinterest_platform_tests.emulators.services.databricks.server import TOKEN, Server, run_script

NEW_CLUSTER = '{"spark_version": "17.3.x-scala2.13", "node_type_id": "m6g.large", "num_workers": 1}'
COMPUTES = [
    pytest.param({"PINTEREST_DATABRICKS_VOLUME": ""}, id="existing-dbfs"),
    pytest.param({"PINTEREST_DATABRICKS_COMPUTE": "serverless"}, id="serverless", marks=pytest.mark.slow),
    pytest.param(
        {"PINTEREST_DATABRICKS_COMPUTE": "new", "PINTEREST_DATABRICKS_NEW_CLUSTER": NEW_CLUSTER},
        id="new",
        marks=pytest.mark.slow,
    ),
]
ROWS = 300
CANCEL_MS = 10_000


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Posts:
    return generated_posts(tmp_path_factory.mktemp("posts"), ROWS)


@pytest.fixture
def remote(user: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Return a user whose Spark work runs on Databricks."""
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "databricks")
    user.reload()
    return user


@pytest.mark.parametrize("compute", COMPUTES)
def test_the_pipeline_gives_the_tables_of_the_oracle(
    compute: dict[str, str], remote: Tenant, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in compute.items():
        monkeypatch.setenv(name, value)
    remote.produce_all(posts, seed=1)
    remote.run_well()
    oracle = remote.assert_agrees_with_the_oracle()
    assert len(oracle.cleaned(PIN.name)) == ROWS


def test_a_killed_dagster_leaves_a_run_that_the_next_one_joins(
    remote: Tenant, posts: Posts, busy: Server, tmp_path: Path
) -> None:
    remote.produce(GEO, posts[GEO])
    blocker = run_script(busy.client, "import time; time.sleep(600)")
    first = Dagster(tmp_path)
    address = first.logged("clean: submitted the Databricks run ")
    os.killpg(first.process.pid, signal.SIGKILL)
    second = Dagster(tmp_path)
    assert second.logged("clean: joined the Databricks run ") == address
    busy.client.jobs.cancel_run(blocker)
    assert "clean: submitted" not in second.succeeds()
    assert len(remote.cleaned(GEO)) == ROWS


def test_a_cancelled_dagster_run_cancels_the_remote_one_and_leaves_no_half_table(
    remote: Tenant, posts: Posts, busy: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.produce(GEO, posts[GEO])
    first = Dagster(tmp_path)
    address = first.logged("clean: submitted the Databricks run ")
    first.logged("clean: the Databricks run is RUNNING")
    cancelled_ms = time.time() * 1000
    first.process.send_signal(signal.SIGINT)  # what Dagster's own termination sends
    output = first.remaining_output()
    assert first.process.returncode != 0, output
    run = busy.client.jobs.get_run(int(address.rpartition("/")[2]))
    assert run.state.result_state is RunResultState.CANCELED, output
    assert run.end_time - cancelled_ms <= CANCEL_MS, "by the workspace's own record"
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "sail")
    keys = [dg.AssetKey([layer, "geo"]) for layer in ("raw", "cleaned")]
    assert defs.resolve_job_def("batch_pipeline").execute_in_process(asset_selection=keys).success
    assert len(remote.cleaned(GEO)) == ROWS


@pytest.fixture
def busy(remote: Tenant, emulated: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Yield a workspace of this test that runs one task at a time; the user's work goes there."""
    profile = {name: value for name, value in emulated.items() if name.startswith("AWS_")}
    server = Server(tmp_path / "workspace", "--processes", "1", profile=profile).start()
    monkeypatch.setenv("DATABRICKS_HOST", server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    yield server
    server.stop()


class Dagster:
    """`dagster` that lands and cleans one entity, in a process group of its own."""

    def __init__(self, home: Path) -> None:
        select = ["--select", "raw/geo,cleaned/geo"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "pinterest_platform.definitions", *select],
            cwd=PROJECT,
            env={**os.environ, "DAGSTER_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def logged(self, text: str) -> str:
        """Wait for the first line with a text, and return the rest of that line."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return line.partition(text)[2].strip()
        raise AssertionError("".join(lines))

    def remaining_output(self) -> str:
        """Wait for the end of the process, and return its output until then."""
        output, _ = self.process.communicate(timeout=300)
        return output

    def succeeds(self) -> str:
        """Return the remaining output of a process that must succeed."""
        output = self.remaining_output()
        assert self.process.returncode == 0, output
        return output
