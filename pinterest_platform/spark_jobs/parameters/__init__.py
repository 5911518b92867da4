"""The parameters and results of the Spark jobs, as values that cross a process boundary as JSON; without pyspark."""

from pinterest_platform.spark_jobs.parameters.clean import Batch, CleanParameters, CleanResult
from pinterest_platform.spark_jobs.parameters.compare import CompareParameters, CompareResult
from pinterest_platform.spark_jobs.parameters.reports import (
    ReportOutcome,
    ReportsParameters,
    ReportsResult,
    SourceFacts,
)
from pinterest_platform.spark_jobs.parameters.transferable import Transferable
from pinterest_platform.spark_jobs.parameters.verify import VerifyParameters, VerifyResult

__all__ = [
    "Batch",
    "CleanParameters",
    "CleanResult",
    "CompareParameters",
    "CompareResult",
    "ReportOutcome",
    "ReportsParameters",
    "ReportsResult",
    "SourceFacts",
    "Transferable",
    "VerifyParameters",
    "VerifyResult",
]
