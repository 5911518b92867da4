"""What runs a task: a Spark session is made, as a cluster makes one before the job; then the job runs in this process.

It stands alone: it is run as a file, `driver.py SPEC`, and knows nothing of the workspace. It ends with 0 where the job
succeeded, 1 where it failed, and 70 where there was no Spark to run it on.
"""

import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import distributions
from typing import Any

NO_SPARK = 70
_LONGEST_TRACE = 100_000
"""Characters of a traceback that are kept: its end."""
_servers: list[Any] = []
"""Spark servers: one ends with the last name that holds it."""


def main(spec: dict[str, Any]) -> int:
    """Run a task; returns the exit code.

    Args:
        spec: `libraries`, a folder; `arguments`; `outcome`, the file for how it ended; and either `python_file`, or
            `package_name` with `entry_point`.
    """
    sys.path[0] = spec["libraries"]  # this file's own folder stood there
    try:
        _start_spark()
    except Exception:  # noqa: BLE001  told, and the process ends
        traceback.print_exc()
        return NO_SPARK
    error = _run(spec)
    if error is not None:
        _tell(error, spec["outcome"])
    return 0 if error is None else 1


def _start_spark() -> None:
    """Start a Sail server in this process, and the session that `getOrCreate` and `getActiveSession` find."""
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    _servers.append(server)
    server.start(background=True)
    address = server.listening_address
    if address is None:
        raise RuntimeError("Sail does not listen.")
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{address[1]}"
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    # A cluster has this setting; dagster-pipes asks for it, and empty means that logs are delivered nowhere.
    session.conf.set("spark.databricks.clusterUsageTags.clusterLogDeliveryEnabled", "")


def _run(spec: dict[str, Any]) -> BaseException | None:
    """Run the job to its end; returns the exception that ended it."""
    sys.argv = [spec.get("python_file") or spec["package_name"], *spec["arguments"]]
    try:
        if "python_file" in spec:
            sys.path.insert(0, os.path.dirname(spec["python_file"]))
            runpy.run_path(spec["python_file"], run_name="__main__")
        else:
            _entry_point(spec)()
    except SystemExit as end:
        return None if end.code in (None, 0) else end
    except BaseException as error:  # noqa: BLE001  whatever it is, it is the job's, and is told
        return error
    return None


def _entry_point(spec: dict[str, Any]) -> Callable[[], Any]:
    """The function of a wheel: by its metadata, else by its name in the package."""
    wanted = _canonical(spec["package_name"])
    for distribution in distributions(path=[spec["libraries"]]):
        if _canonical(distribution.metadata["Name"]) == wanted:
            for point in distribution.entry_points:
                if point.name == spec["entry_point"]:
                    return point.load()
    try:
        return getattr(import_module(spec["package_name"].replace("-", "_")), spec["entry_point"])
    except AttributeError:
        raise RuntimeError(f"{spec['package_name']} has no entry point {spec['entry_point']!r}.") from None


def _canonical(name: str) -> str:
    """A package's name as PyPI compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


def _tell(error: BaseException, outcome: str) -> None:
    """Print a traceback, and leave it in the outcome file."""
    trace = "".join(traceback.format_exception(error))
    print(trace, file=sys.stderr, flush=True)
    summary = "".join(traceback.format_exception_only(error)).strip()
    with open(outcome, "w", encoding="utf-8", errors="replace") as file:
        json.dump({"error": summary[-_LONGEST_TRACE:], "trace": trace[-_LONGEST_TRACE:]}, file)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as given:
        task = json.load(given)
    code = main(task)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a cluster's Python does not end with its job either; and Sail's end may wait for open queries
