"""The Spark jobs: read, transform, write. Each runs on any engine, and `python -m` runs it by name.

Importing this package costs nothing: a job's module, and with it pyspark, is imported when the job runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

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
    """A job: what it takes, and the module whose `run` does it."""

    parameters: type[Transferable]
    module: str


JOBS: Mapping[str, Job] = {
    "clean": Job(CleanParameters, "pinterest_platform.spark_jobs.clean"),
    "reports": Job(ReportsParameters, "pinterest_platform.spark_jobs.reports"),
    "verify": Job(VerifyParameters, "pinterest_platform.spark_jobs.verify"),
    "compare": Job(CompareParameters, "pinterest_platform.spark_jobs.compare"),
}


SESSION: Mapping[str, str] = {
    # Years and written times mean UTC on every engine, wherever it stands.
    "spark.sql.session.timeZone": "UTC",
    # Else a JVM writes nanoseconds, which end in 2262, and moves dates before 1582 by days.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
}
"""What a session has to be set to, so that all engines write the same."""


def configure(spark: "SparkSession") -> None:
    """Set a session to what the jobs rely on; where it was set before, nothing changes."""
    from pyspark.errors import PySparkException

    for name, value in SESSION.items():
        try:
            spark.conf.set(name, value)
        except PySparkException as error:
            # Serverless compute lets nobody set some of them, and has them so already.
            if error.getCondition() != "CONFIG_NOT_AVAILABLE":
                raise


def execute(spark: "SparkSession", job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
    """Run a job by name on a session, and return what it returns, as JSON.

    Args:
        spark: the session to run on.
        job: a name in `JOBS`.
        parameters: the job's parameters, as their `to_json` wrote them.
        progress: gets a line now and then.

    Raises:
        PermanentFailure: no such job, its input is wrong, or the engine refuses the work.
        TransientFailure: the engine or the store did not answer, or a race was lost too often.
    """
    if job not in JOBS:
        raise PermanentFailure(f"There is no Spark job {job!r}.", f"Name one of {', '.join(JOBS)}.")
    from pinterest_platform.spark_jobs.engine_errors import translate_errors

    known = JOBS[job]
    wanted = known.parameters.from_json(parameters)
    with translate_errors(job):
        configure(spark)
        _forget_call_sites()
        result: Transferable = import_module(known.module).run(spark, wanted, progress)
    return result.to_json()


def _forget_call_sites() -> None:
    """Let pyspark not look for the line that wrote each use of a column: half the cost of planning a small query.

    Asked by its setting (spark.python.sql.dataFrameDebugging.enabled), it reads that from the thread's oldest session,
    which may have lost its server, and then waits for ten minutes.
    """
    from pyspark.errors import utils

    if hasattr(utils, "_enable_debugging_cache"):
        utils._enable_debugging_cache = False
