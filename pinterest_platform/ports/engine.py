"""Engines that run Spark jobs."""

from collections.abc import Mapping
from typing import Any, Protocol

from pinterest_platform.ports.progress import Progress

Json = Mapping[str, Any]
"""A JSON object, as it crosses a process boundary."""


class SparkEngine(Protocol):
    """An engine that runs jobs of `spark_jobs`."""

    def run(self, job: str, parameters: Json, progress: Progress) -> Json:
        """Run a job by name and return its result; `progress` gets log lines.

        Raises:
            PermanentFailure: there is no such job, or its input is wrong.
            TransientFailure: the engine or the store did not respond, or the job exceeded its time limit.
        """
        ...
