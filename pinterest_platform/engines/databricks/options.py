"""What the settings ask of Databricks, checked at once, and the task that follows from it."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk.service.compute import ClusterSpec, Environment, Library
from databricks.sdk.service.jobs import JobEnvironment, PythonWheelTask, SubmitTask
from pydantic import SecretStr

from pinterest_platform.engines.databricks.wheel import ENTRY_POINT
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings

TASK_KEY = "spark_job"
SERVERLESS_ENVIRONMENT = "4"
"""The version of the serverless environment: Python 3.12, and a client of Spark 4."""

_CALL_SHARE = 4
"""So many times PINTEREST_IO_TIMEOUT_SECONDS calls to the workspace may be repeated: it throttles for minutes."""


@dataclass(frozen=True, slots=True)
class Options:
    """The workspace, and on what to run there.

    Attributes:
        host: the workspace's address.
        token: who asks.
        compute: existing, new or serverless.
        cluster_id: the existing cluster.
        new_cluster: the specification of a new one.
        volume: where files are exchanged; empty for DBFS and the workspace's files.
        wheel: the path of a prebuilt wheel; empty to build one.
        timeout_seconds: how long a run may take, its waiting for compute included.
        answer_seconds: how long one call of the API may take.
        patience_seconds: how long a call that failed for a passing reason is repeated.
    """

    host: str
    token: SecretStr = field(repr=False)
    compute: str
    cluster_id: str
    new_cluster: dict[str, Any] = field(repr=False)
    volume: str
    wheel: str
    timeout_seconds: int
    answer_seconds: int
    patience_seconds: int

    @property
    def serverless(self) -> bool:
        """Whether Databricks picks the machines."""
        return self.compute == "serverless"

    def task(self, wheel_path: str, package: str) -> SubmitTask:
        """The one task of a run.

        Args:
            wheel_path: where the wheel was put.
            package: the distribution that it holds.
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
        """What is submitted besides the task."""
        arguments: dict[str, Any] = {"timeout_seconds": self.timeout_seconds}
        if self.serverless:
            spec = Environment(environment_version=SERVERLESS_ENVIRONMENT, dependencies=[wheel_path])
            arguments["environments"] = [JobEnvironment(environment_key=TASK_KEY, spec=spec)]
        return arguments


def options(settings: Settings) -> Options:
    """Read what concerns Databricks.

    Raises:
        PermanentFailure: naming every variable that this compute needs and that is not set.
    """
    compute = settings.databricks_compute
    needed = {
        "DATABRICKS_HOST": settings.databricks_host,
        "DATABRICKS_TOKEN": _shown(settings.databricks_token),
    }
    needed |= {
        "existing": {"DATABRICKS_CLUSTER_ID": settings.databricks_cluster_id},
        "new": {"PINTEREST_DATABRICKS_NEW_CLUSTER": _shown(settings.databricks_new_cluster)},
        "serverless": {"PINTEREST_DATABRICKS_VOLUME": settings.databricks_volume},
    }[compute]
    if missing := [name for name, value in needed.items() if not value]:
        raise PermanentFailure(
            f"The engine databricks with PINTEREST_DATABRICKS_COMPUTE={compute} needs {', '.join(missing)}.",
            'Set what is named (".env.example" explains each), or choose another engine by PINTEREST_SPARK_ENGINE.',
        )
    return Options(
        host=settings.databricks_host or "",
        token=settings.databricks_token or SecretStr(""),
        compute=compute,
        cluster_id=settings.databricks_cluster_id or "",
        new_cluster=json.loads(_shown(settings.databricks_new_cluster) or "{}"),
        volume=settings.databricks_volume or "",
        wheel=settings.databricks_wheel or "",
        timeout_seconds=max(1, math.ceil(settings.spark_timeout_seconds)),
        answer_seconds=max(1, math.ceil(settings.io_timeout_seconds)),
        patience_seconds=max(1, math.ceil(settings.io_timeout_seconds * _CALL_SHARE)),
    )


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
