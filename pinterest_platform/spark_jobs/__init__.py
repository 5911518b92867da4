"""The Spark jobs: read, transform, write. Each runs on any engine (rule D11), and by name with `python -m`.

A job's module, and with it pyspark, is imported when the job runs, not with this package.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from pinterest_platform.delta.mark import MARK
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Json
from pinterest_platform.spark_jobs.parameters import (
    CleanParameters,
    CompareParameters,
    ReportsParameters,
    Transferable,
    VerifyParameters,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True, slots=True)
class Job:
    """A job: the type of its parameters, and the module with its `run`."""

    parameters: type[Transferable]
    module: str


JOBS: Mapping[str, Job] = {
    "clean": Job(CleanParameters, "pinterest_platform.spark_jobs.clean"),
    "reports": Job(ReportsParameters, "pinterest_platform.spark_jobs.reports"),
    "verify": Job(VerifyParameters, "pinterest_platform.spark_jobs.verify"),
    "compare": Job(CompareParameters, "pinterest_platform.spark_jobs.compare"),
}


SESSION: Mapping[str, str] = {
    # Delta on a JVM writes it into each commit; so the platform's commits are recognized.
    "spark.databricks.delta.commitInfo.userMetadata": MARK,
    # Years and written times are in UTC on every engine (rules C9 and R7).
    "spark.sql.session.timeZone": "UTC",
    # By default, a JVM writes nanoseconds, which end in 2262, and moves dates before 1582 by days.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
}
"""The settings of a session with which all engines write the same (rule C21)."""


def configure(spark: "SparkSession") -> None:
    """Apply `SESSION` to a session."""
    from pyspark.errors import PySparkException

    for name, value in SESSION.items():
        try:
            spark.conf.set(name, value)
        except PySparkException as error:
            # Serverless compute has some of these values already, and does not allow setting them.
            if error.getCondition() != "CONFIG_NOT_AVAILABLE":
                raise


def execute(
    spark: "SparkSession", job: str, parameters: Json, progress: Callable[[str], None], store: str = ""
) -> Json:
    """Run a job by name on a session, and return what it returns, as JSON.

    Args:
        spark: the session to run on.
        job: a name in `JOBS`.
        parameters: the job's parameters, as their `to_json` wrote them.
        progress: gets a line for each step.
        store: the store and its address, for messages.

    Raises:
        PermanentFailure: the job does not exist, its input is invalid, or the engine refuses the work.
        TransientFailure: the engine or the store did not respond, or every attempt to commit met a conflict.
    """
    if job not in JOBS:
        raise PermanentFailure(f"There is no Spark job {job!r}.", f"Name one of {', '.join(JOBS)}.")
    from pinterest_platform.spark_jobs.engine_errors import translate_errors
    from pinterest_platform.spark_jobs.unusable_tables import unusable_table

    entry = JOBS[job]
    job_parameters = entry.parameters.from_json(parameters)
    with translate_errors(job, store, partial(unusable_table, spark, job_parameters.table_uris)):
        configure(spark)
        _disable_call_sites()
        result: Transferable = import_module(entry.module).run(spark, job_parameters, progress)
    return result.to_json()


def _disable_call_sites() -> None:
    """Disable pyspark's search for the source line of each column expression: half the cost of planning a small query.

    Its own setting (spark.python.sql.dataFrameDebugging.enabled) is not used: pyspark reads it from the thread's oldest
    session, and waits ten minutes if that has lost its server.
    """
    from pyspark.errors import utils

    if hasattr(utils, "_enable_debugging_cache"):
        utils._enable_debugging_cache = False
