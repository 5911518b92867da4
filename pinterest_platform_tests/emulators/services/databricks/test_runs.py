"""One-time runs as real processes with Spark, from submission to end."""

import time

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound
from databricks.sdk.errors.platform import DatabricksError
from databricks.sdk.service.compute import ClusterSpec, Environment, Library, PythonPyPiLibrary
from databricks.sdk.service.jobs import (
    JobEnvironment,
    PythonWheelTask,
    RunLifeCycleState,
    RunResultState,
    SparkPythonTask,
    SubmitTask,
    TaskDependency,
)
from databricks.sdk.service.workspace import ImportFormat

from emulators.services.databricks.options import CLUSTER_ID
from pinterest_platform_tests.emulators.services.databricks.server import (
    Server,
    ended,
    lines,
    output,
    python,
    run_script,
    running,
    script,
    submit,
    wheel,
)

WHEEL = "/Workspace/Shared/tiny_job-1.0-py3-none-any.whl"
SPARKED = """\
import os, sys
from pyspark.sql import SparkSession

def main():
    spark = SparkSession.builder.getOrCreate()
    print(spark.range(1000).selectExpr("sum(id)").first()[0], *sys.argv[1:], sep="|")
    print(os.environ.get("COLOUR"), os.environ["AWS_REGION"], os.environ["DATABRICKS_RUNTIME_VERSION"])
    print(SparkSession.getActiveSession() is not None, os.environ["HOME"] != "/root")
"""


@pytest.fixture
def tiny_wheel(workspace: WorkspaceClient) -> str:
    """The path of a wheel whose entry point uses Spark."""
    workspace.workspace.upload(WHEEL, wheel({"tiny_job.py": SPARKED}), format=ImportFormat.AUTO, overwrite=True)
    return WHEEL


def wheel_task(**settings: object) -> SubmitTask:
    task = PythonWheelTask("Tiny.Job", "main", parameters=["--name", "O'Hara ü"])
    return SubmitTask(**{"task_key": "main", "python_wheel_task": task, **settings})


def test_a_wheel_runs_on_each_kind_of_compute(workspace: WorkspaceClient, tiny_wheel: str) -> None:
    library = [Library(whl=tiny_wheel), Library(pypi=PythonPyPiLibrary("pyarrow>=10"))]
    new = ClusterSpec(spark_version="17.3.x-scala2.13", num_workers=1, spark_env_vars={"COLOUR": "red"})
    environment = JobEnvironment("default", Environment(environment_version="3", dependencies=[tiny_wheel, "pyarrow"]))
    runs = [
        submit(workspace, wheel_task(existing_cluster_id=CLUSTER_ID, libraries=library)),
        submit(workspace, wheel_task(new_cluster=new, libraries=library)),
        submit(workspace, wheel_task(environment_key="default"), environments=[environment]),
    ]
    existing, own, serverless = (lines(workspace, run) for run in runs)
    assert existing == ["499500|--name|O'Hara ü", "None us-east-1 17.3", "True True"]
    assert own == ["499500|--name|O'Hara ü", "red us-east-1 17.3", "True True"]
    assert serverless == ["499500|--name|O'Hara ü", "None us-east-1 client.3.0", "True True"]


def test_named_parameters_and_functions_of_the_package(workspace: WorkspaceClient) -> None:
    path = "/Workspace/Shared/other-1.0-py3-none-any.whl"
    text = "import sys\ndef other():\n    print(sys.argv[1:])\n"
    workspace.workspace.upload(path, wheel({"tiny_job.py": text}), format=ImportFormat.AUTO, overwrite=True)
    named = PythonWheelTask("tiny_job", "other", named_parameters={"a": "1", "b": "x y"})
    task = SubmitTask(
        task_key="t", python_wheel_task=named, existing_cluster_id=CLUSTER_ID, libraries=[Library(whl=path)]
    )
    assert lines(workspace, submit(workspace, task)) == ["['--a=1', '--b=x y']"]


def test_a_run_is_described_as_by_the_service(shared: Server, workspace: WorkspaceClient) -> None:
    run_id = run_script(
        workspace, "import sys; print(sys.argv[1:])", "--a", "b c", run_name="Über", timeout_seconds=300
    )
    run = ended(workspace, run_id)

    assert (run.run_id, run.run_name, run.run_type.value) == (run_id, "Über", "SUBMIT_RUN")
    assert run.run_page_url.startswith(shared.url)
    assert str(run_id) in run.run_page_url
    assert run.state.result_state == RunResultState.SUCCESS
    assert run.status.termination_details.code.value == "SUCCESS"
    assert run.start_time <= run.tasks[0].end_time <= run.end_time
    (task,) = run.tasks
    assert task.spark_python_task.parameters == ["--a", "b c"]
    assert task.run_id != run_id
    assert task.state.result_state == RunResultState.SUCCESS
    assert task.cluster_instance.cluster_id == CLUSTER_ID
    alone = workspace.jobs.get_run(task.run_id)
    assert (alone.run_id, alone.job_run_id, alone.state) == (task.run_id, run_id, task.state)
    with pytest.raises(BadRequest, match="each individual task run"):
        workspace.jobs.get_run_output(run_id)
    result = output(workspace, run)
    assert (result.logs, result.logs_truncated, result.error) == ("['--a', 'b c']\n", False, None)


def test_a_failing_job_reports_its_error(workspace: WorkspaceClient) -> None:
    raising = run_script(workspace, "print('before')\nraise ValueError('no such größe')")
    exiting = run_script(workspace, "import sys; sys.exit(3)")
    dying = run_script(workspace, "import os; os.kill(os.getpid(), 9)")
    fine = run_script(workspace, "import sys; sys.exit(0)")

    run = ended(workspace, raising)
    result = output(workspace, run)
    assert (run.state.life_cycle_state, run.state.result_state) == (RunLifeCycleState.TERMINATED, RunResultState.FAILED)
    assert "Workload failed" in run.state.state_message
    assert result.error == "ValueError: no such größe"
    assert 'raise ValueError("no such größe")' in result.error_trace.replace("'", '"')
    assert result.logs.startswith("before\n")
    assert "ValueError: no such größe" in result.logs
    assert output(workspace, ended(workspace, exiting)).error == "SystemExit: 3"
    assert "exit code -9" in output(workspace, ended(workspace, dying)).error
    assert ended(workspace, fine).state.result_state == RunResultState.SUCCESS


SPREADING = """\
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
print("ready", flush=True)
try:
    time.sleep(1000)
except BaseException:
    time.sleep(1000)
"""


def processes(server: Server) -> list[psutil.Process]:
    """Return the processes of the tasks of a workspace."""
    tasks: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if str(server.folder / "data") in process.environ().get("DATABRICKS_EMULATOR_TASK", ""):
                tasks.append(process)
        except psutil.Error:
            continue
    return [process for process in tasks if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_a_cancelled_run_ends_soon_with_all_its_processes(new_server: type[Server]) -> None:
    server = new_server("--cluster-seconds", "0")
    workspace = server.client
    run_id = run_script(workspace, SPREADING)
    run = running(workspace, run_id)
    while "ready" not in output(workspace, run).logs:
        time.sleep(0.1)
    assert len(processes(server)) >= 2

    cancelled = time.monotonic()
    workspace.jobs.cancel_run(run_id)
    workspace.jobs.cancel_run(run_id)
    assert workspace.jobs.get_run(run_id).state.life_cycle_state in (
        RunLifeCycleState.TERMINATING,
        RunLifeCycleState.TERMINATED,
    )
    run = ended(workspace, run_id)
    assert time.monotonic() - cancelled < 30
    assert (run.state.result_state, run.tasks[0].state.result_state) == (RunResultState.CANCELED,) * 2
    assert processes(server) == []
    workspace.jobs.cancel_run(run_id)
    assert workspace.jobs.get_run(run_id).state == run.state


def test_a_run_is_ended_at_its_timeout(workspace: WorkspaceClient) -> None:
    whole = run_script(workspace, "import time; time.sleep(1000)", timeout_seconds=1)
    task = submit(workspace, python(script(workspace, "import time; time.sleep(1000)"), timeout_seconds=1))
    for run_id in (whole, task):
        run = ended(workspace, run_id)
        assert run.state.result_state == RunResultState.TIMEDOUT
        assert "timed out after 1 seconds" in run.state.state_message


def test_a_token_starts_one_run(workspace: WorkspaceClient) -> None:
    task = python(script(workspace, "print('once')"))
    first = submit(workspace, task, idempotency_token="once")
    assert submit(workspace, task, idempotency_token="once") == first
    assert submit(workspace, task, idempotency_token="twice") != first
    ended(workspace, first)
    assert submit(workspace, task, idempotency_token="once") == first
    workspace.jobs.delete_run(first)
    with pytest.raises(NotFound, match="does not exist"):
        workspace.jobs.get_run(first)
    with pytest.raises(InvalidParameterValue, match="deleted"):
        submit(workspace, task, idempotency_token="once")


def test_tasks_follow_each_other_and_fail_together(workspace: WorkspaceClient) -> None:
    path, bad = script(workspace, "print('fine')", "fine.py"), script(workspace, "1/0", "bad.py")
    run = ended(
        workspace,
        submit(
            workspace,
            python(path, task_key="c", depends_on=[TaskDependency("b")]),
            python(bad, task_key="b", depends_on=[TaskDependency("a")]),
            python(path, task_key="a"),
        ),
    )
    states = {task.task_key: task.state.result_state for task in run.tasks}
    assert states == {
        "a": RunResultState.SUCCESS,
        "b": RunResultState.FAILED,
        "c": RunResultState.UPSTREAM_FAILED,
    }
    assert run.state.result_state == RunResultState.FAILED
    assert "Task b failed" in run.state.state_message


@pytest.mark.parametrize(
    ("library", "complaint"),
    [
        (Library(whl="/Workspace/Shared/none.whl"), "No such file"),
        (Library(whl="/Workspace/Shared/broken.whl"), "not a zip file"),
        (Library(pypi=PythonPyPiLibrary("no-such-package-anywhere")), "not installed"),
        (Library(pypi=PythonPyPiLibrary("pyarrow==0.1")), "pyarrow==0.1: version"),
        (Library(jar="dbfs:/x.jar"), "only wheels"),
    ],
)
def test_a_library_that_is_not_installable_is_named(
    workspace: WorkspaceClient, library: Library, complaint: str
) -> None:
    workspace.workspace.upload("/Workspace/Shared/broken.whl", b"PK", format=ImportFormat.AUTO, overwrite=True)
    run = ended(workspace, submit(workspace, wheel_task(existing_cluster_id=CLUSTER_ID, libraries=[library])))
    assert run.state.life_cycle_state == RunLifeCycleState.INTERNAL_ERROR
    assert "Library installation failed" in run.state.state_message
    assert complaint in run.state.state_message


def test_a_missing_file_is_named(workspace: WorkspaceClient) -> None:
    run = ended(workspace, submit(workspace, python("dbfs:/no/such.py")))
    assert run.state.life_cycle_state == RunLifeCycleState.INTERNAL_ERROR
    assert "dbfs:/no/such.py" in run.state.state_message


def test_runs_are_listed_newest_first(new_server: type[Server]) -> None:
    server = new_server("--kept-runs", "4")
    workspace = server.client
    missing = python("dbfs:/no/such.py")
    numbers = [submit(workspace, missing, run_name=str(number)) for number in range(4)]
    for number in numbers:
        ended(workspace, number)
    active_run = run_script(workspace, "import time; time.sleep(1000)")

    assert [run.run_id for run in workspace.jobs.list_runs(limit=2)] == [active_run, *reversed(numbers)]
    assert [run.run_id for run in workspace.jobs.list_runs(completed_only=True)] == numbers[::-1]
    (active,) = workspace.jobs.list_runs(active_only=True, expand_tasks=True)
    assert (active.run_id, active.tasks[0].task_key) == (active_run, "main")
    later = workspace.jobs.get_run(numbers[2]).start_time
    assert {run.run_id for run in workspace.jobs.list_runs(start_time_from=later)} >= {active_run, *numbers[2:]}
    with pytest.raises(DatabricksError, match="active"):
        workspace.jobs.delete_run(active_run)
    with pytest.raises(BadRequest):
        list(workspace.jobs.list_runs(active_only=True, completed_only=True))
    workspace.jobs.cancel_run(active_run)
    ended(workspace, active_run)
    submit(workspace, missing)
    assert numbers[0] not in {run.run_id for run in workspace.jobs.list_runs()}, "the oldest runs are removed"


def test_long_output_is_truncated_at_its_beginning(workspace: WorkspaceClient) -> None:
    text = "print(*(f'{n:099}' for n in range(150_000)), 'the end', sep=chr(10))"
    result = output(workspace, ended(workspace, run_script(workspace, text)))
    assert result.logs_truncated
    assert len(result.logs.encode()) == 5 * 1024 * 1024
    assert result.logs.endswith("149999\nthe end\n")


def test_more_runs_than_processes_wait(new_server: type[Server]) -> None:
    workspace = new_server("--processes", "1", "--cluster-seconds", "0").client
    path = script(workspace, "import time; time.sleep(1000)")
    first, second = submit(workspace, python(path)), submit(workspace, python(path))
    running(workspace, first)
    assert workspace.jobs.get_run(second).state.life_cycle_state == RunLifeCycleState.PENDING
    workspace.jobs.cancel_run(first)
    running(workspace, second)
    workspace.jobs.cancel_run(second)
    ended(workspace, second)


MOUNTED = """\
import json, os, pathlib, shutil, subprocess, sys
base = sys.argv[1]
os.makedirs(base + "/a/b")
with open(base + "/a/b/x.json", "w") as file:
    json.dump({"x": 1}, file)
assert os.path.exists(base + "/a/b/x.json") and not os.path.exists("/dbfsx")
print(sorted(os.listdir(base + "/a")), pathlib.Path(base, "a/b/x.json").read_text())
os.rename(base + "/a/b/x.json", base + "/a/b/y.json")
shutil.copy(base + "/a/b/y.json", base + "/a/z.json")
print(sorted(path.name for path in pathlib.Path(base).rglob("*.json")), os.stat(base + "/a/z.json").st_size)
code = f"print(open({base + '/a/z.json'!r}).read())"
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
shutil.rmtree(base + "/a/b")
print(sorted(os.listdir(base + "/a")))
"""


def test_a_job_has_the_mounts_of_a_cluster(workspace: WorkspaceClient) -> None:
    path = script(workspace, MOUNTED, "mounted.py")
    folders = ("/dbfs/tmp/mounted", "/Volumes/main/default/pinterest/mounted", "/Workspace/Shared/mounted")
    runs = [submit(workspace, python(path, folder)) for folder in folders]
    for run in runs:
        assert lines(workspace, run) == ["['b'] {\"x\": 1}", "['y.json', 'z.json'] 8", '{"x": 1}', "['z.json']"]
    assert workspace.files.download(f"{folders[1]}/a/z.json").contents.read() == b'{"x": 1}'
    assert workspace.workspace.download("/Shared/mounted/a/z.json").read() == b'{"x": 1}'
    assert workspace.dbfs.get_status("/tmp/mounted/a/z.json").file_size == 8


def test_serverless_has_no_mount_of_dbfs(workspace: WorkspaceClient) -> None:
    path = script(workspace, "import os; print(os.path.exists('/dbfs/tmp'), os.path.exists('/Volumes/main'))", "s.py")
    environment = JobEnvironment("default", Environment(environment_version="3"))
    task = SubmitTask(task_key="t", environment_key="default", spark_python_task=SparkPythonTask(path))
    assert lines(workspace, submit(workspace, task, environments=[environment])) == ["False True"]
