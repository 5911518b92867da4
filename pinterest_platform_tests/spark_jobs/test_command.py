"""`python -m pinterest_platform.spark_jobs`, and the imports of the package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pinterest_platform.spark_jobs import sessions
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters
from pinterest_platform_tests.spark_fixtures import STREAM, lines, write_object


def command(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "pinterest_platform.spark_jobs", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_a_job_runs_from_the_command_line(tmp_path: Path) -> None:
    uri = write_object(tmp_path / "object.json", lines([{"ind": 1}]))
    uris = [str(tmp_path / name) for name in ("table", "quarantine", "staging")]
    parameters = CleanParameters("user", STREAM, [Batch([uri], {"id/0": 0}, 1)], *uris, route="kafka")
    completed = command("clean", json.dumps(parameters.to_json()))
    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.stdout)["rows"] == 1
    assert completed.stderr == "user: batch 1 of 1: 1 record, 1 key, 0 quarantined\n"


def test_a_job_runs_in_the_existing_session_and_leaves_it_running(tmp_path: Path) -> None:
    server, remote = sessions.start_embedded()
    uri = write_object(tmp_path / "object.json", lines([{"ind": 1}]))
    uris = [str(tmp_path / name) for name in ("table", "quarantine", "staging")]
    parameters = json.dumps(
        CleanParameters("user", STREAM, [Batch([uri], {"id/0": 0}, 1)], *uris, route="kafka").to_json()
    )
    for outcome in ("new", "unchanged"):
        completed = command("clean", parameters, "--session", "runtime", SPARK_REMOTE=remote)
        assert completed.returncode == 0, completed.stderr
        assert json.loads(completed.stdout)[outcome] == 1
    server.stop()


def test_a_process_without_a_session_is_a_failure(tmp_path: Path) -> None:
    completed = command("clean", "{}", "--session", "runtime", SPARK_REMOTE="", JAVA_HOME=str(tmp_path))
    assert completed.returncode == 1
    assert completed.stderr.splitlines()[-1].startswith("clean: There is no Spark session in this process.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("launder", "{}"), "'launder' is not one of 'clean', 'reports', 'verify'"),
        (("clean", "{"), "not JSON"),
        (("clean", "{}", "--session", "runtime", "--remote", "sc://h"), "set one of them"),
        (("clean", "[]"), "not a JSON object"),
        (("clean", "{}"), "clean: The parameters of CleanParameters are invalid: "),
        (("reports", '{"cleaned":{"pin":"x"},"reports":{}}'), "instead of pin, geo and user"),
    ],
)
def test_an_error_in_the_arguments_is_reported_in_one_line(arguments: tuple[str, str], message: str) -> None:
    completed = command(*arguments)
    assert completed.returncode != 0
    assert message in completed.stderr.splitlines()[-1]


def test_importing_the_jobs_imports_no_engine() -> None:
    engines = {"pyspark", "deltalake", "pyarrow", "pysail"}
    code = f"import sys, pinterest_platform.spark_jobs; print(sorted({engines} & set(sys.modules)))"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert completed.stdout == "[]\n"


def test_the_session_of_an_embedded_engine_outlives_an_hour_without_a_job(spark: SparkSession) -> None:
    assert spark.range(1).count() == 1
    # Sail reads it when it starts; its default of minutes ended runs that land records for longer between two jobs.
    assert int(os.environ["SAIL_SPARK__SESSION_TIMEOUT_SECS"]) > 3600
