"""The settings of Databricks, checked together, and the task of a run."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk.service.compute import ClusterSpec, Environment, Library
from databricks.sdk.service.jobs import JobEnvironment, PythonWheelTask, SubmitTask
from pydantic import SecretStr

from pinterest_platform.adapters.secrets import resolve_secret
from pinterest_platform.engines.databricks.wheel import ENTRY_POINT
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings

TASK_KEY = "spark_job"
SERVERLESS_ENVIRONMENT = "4"
"""The version of the serverless environment: Python 3.12, and a client of Spark 4."""

_RETRY_FACTOR = 4
"""Calls are retried for this many times PINTEREST_IO_TIMEOUT_SECONDS, because a workspace can throttle for minutes."""


@dataclass(frozen=True, slots=True)
class Options:
    """The workspace and the compute of a run.

    Attributes:
        host: the address of the workspace.
        token: the token of the caller.
        compute: existing, new or serverless.
        cluster_id: the existing cluster.
        new_cluster: the specification of a new cluster.
        volume: the volume for exchanged files; empty for DBFS and workspace files.
        wheel: the path of a prebuilt wheel; empty to build one.
        timeout_seconds: the time limit of a run, including the wait for compute.
        call_timeout_seconds: the time limit of one API call.
        retry_seconds: the time for which a call is retried after a transient error.
    """

    host: str
    token: SecretStr = field(repr=False)
    compute: str
    cluster_id: str
    new_cluster: dict[str, Any] = field(repr=False)
    volume: str
    wheel: str
    timeout_seconds: int
    call_timeout_seconds: int
    retry_seconds: int

    @property
    def serverless(self) -> bool:
        """Return whether Databricks chooses the machines."""
        return self.compute == "serverless"

    def task(self, wheel_path: str, package: str) -> SubmitTask:
        """Return the task of a run.

        Args:
            wheel_path: the path of the uploaded wheel.
            package: the distribution in the wheel.
        """
        entry = PythonWheelTask(package_name=package, entry_point=ENTRY_POINT)
        if self.serverless:
            return SubmitTask(task_key=TASK_KEY, python_wheel_task=entry, environment_key=TASK_KEY)
        task = SubmitTask(task_key=TASK_KEY, python_wheel_task=entry, libraries=[Library(whl=wheel_path)])
        if self.compute == "new":
            task.new_cluster = ClusterSpec.from_dict(self.new_cluster)
        else:
            task.existing_cluster_id = self.cluster_id
        return task

    def submit_arguments(self, wheel_path: str) -> dict[str, Any]:
        """Return the arguments of a submission in addition to the task."""
        arguments: dict[str, Any] = {"timeout_seconds": self.timeout_seconds}
        if self.serverless:
            spec = Environment(environment_version=SERVERLESS_ENVIRONMENT, dependencies=[wheel_path])
            arguments["environments"] = [JobEnvironment(environment_key=TASK_KEY, spec=spec)]
        return arguments


def options(settings: Settings) -> Options:
    """Return the settings of Databricks.

    Raises:
        PermanentFailure: variables that this compute needs are not set, or a secret cannot be read.
        TransientFailure: AWS Secrets Manager did not respond.
    """
    compute = settings.databricks_compute
    required = {
        "DATABRICKS_HOST": bool(settings.databricks_host),
        "DATABRICKS_TOKEN": settings.has_secret("databricks_token"),
    }
    required |= {
        "existing": {"DATABRICKS_CLUSTER_ID": bool(settings.databricks_cluster_id)},
        "new": {"PINTEREST_DATABRICKS_NEW_CLUSTER": settings.has_secret("databricks_new_cluster")},
        "serverless": {"PINTEREST_DATABRICKS_VOLUME": bool(settings.databricks_volume)},
    }[compute]
    if missing := [variable for variable, is_set in required.items() if not is_set]:
        raise PermanentFailure(
            f"The engine databricks with PINTEREST_DATABRICKS_COMPUTE={compute} needs {', '.join(missing)}.",
            'Set them (".env.example" explains each), or set PINTEREST_SPARK_ENGINE to another engine.',
        )
    return Options(
        host=settings.databricks_host or "",
        token=SecretStr(resolve_secret(settings, "databricks_token")),
        compute=compute,
        cluster_id=settings.databricks_cluster_id or "",
        new_cluster=json.loads(resolve_secret(settings, "databricks_new_cluster") or "{}"),
        volume=settings.databricks_volume or "",
        wheel=settings.databricks_wheel or "",
        timeout_seconds=max(1, math.ceil(settings.spark_timeout_seconds)),
        call_timeout_seconds=max(1, math.ceil(settings.io_timeout_seconds)),
        retry_seconds=max(1, math.ceil(settings.io_timeout_seconds * _RETRY_FACTOR)),
    )
