"""The driver of a task: it creates a Spark session, as a cluster does before a job; then the job runs in this process.

It is independent of the workspace's code and run as a file, `driver.py SPEC`. Its exit code is 0 if the job succeeded,
1 if it failed, and 70 if Spark could not be started.
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
"""Number of characters at the end of a traceback that are kept."""
_servers: list[Any] = []
"""Keeps a reference to the Spark server, which stops without one."""


def main(spec: dict[str, Any]) -> int:
    """Run a task; return the exit code.

    Args:
        spec: `libraries`, a folder; `arguments`; `outcome`, the file for an exception; and either `python_file`, or
            `package_name` with `entry_point`.
    """
    sys.path[0] = spec["libraries"]  # replaces this file's own folder
    try:
        _start_spark()
    except Exception:  # noqa: BLE001  printed, and the process ends
        traceback.print_exc()
        return NO_SPARK
    error = _run(spec)
    if error is not None:
        _report(error, spec["outcome"])
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
    # dagster-pipes reads this setting of a cluster; empty means that logs are not delivered.
    session.conf.set("spark.databricks.clusterUsageTags.clusterLogDeliveryEnabled", "")


def _run(spec: dict[str, Any]) -> BaseException | None:
    """Run the job; return the exception that ended it, if any."""
    sys.argv = [spec.get("python_file") or spec["package_name"], *spec["arguments"]]
    try:
        if "python_file" in spec:
            sys.path.insert(0, os.path.dirname(spec["python_file"]))
            runpy.run_path(spec["python_file"], run_name="__main__")
        else:
            _entry_point(spec)()
    except SystemExit as end:
        return None if end.code in (None, 0) else end
    except BaseException as error:  # noqa: BLE001  any exception is the job's, and is reported
        return error
    return None


def _entry_point(spec: dict[str, Any]) -> Callable[[], Any]:
    """Return the function of a wheel: by its metadata, else by its name in the package."""
    package = _canonical(spec["package_name"])
    for distribution in distributions(path=[spec["libraries"]]):
        if _canonical(distribution.metadata["Name"]) == package:
            for point in distribution.entry_points:
                if point.name == spec["entry_point"]:
                    return point.load()
    try:
        return getattr(import_module(spec["package_name"].replace("-", "_")), spec["entry_point"])
    except AttributeError:
        raise RuntimeError(f"{spec['package_name']} has no entry point {spec['entry_point']!r}.") from None


def _canonical(name: str) -> str:
    """Return a package's normalized name."""
    return name.lower().replace("_", "-").replace(".", "-")


def _report(error: BaseException, outcome: str) -> None:
    """Print a traceback, and write it to the outcome file."""
    trace = "".join(traceback.format_exception(error))
    print(trace, file=sys.stderr, flush=True)
    summary = "".join(traceback.format_exception_only(error)).strip()
    with open(outcome, "w", encoding="utf-8", errors="replace") as file:
        json.dump({"error": summary[-_LONGEST_TRACE:], "trace": trace[-_LONGEST_TRACE:]}, file)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as spec_file:
        task = json.load(spec_file)
    code = main(task)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # without cleanup, as on a cluster: Sail's shutdown may wait for open queries
