"""Errors of engines, including those of a JVM in the job's own process, which py4j raises."""

from typing import Any

import pytest
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.error_text import first_line
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.spark_jobs.engine_errors import error_text, translate_engine_conflicts, translate_errors

FRAMES = "\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)\n"
CONFLICT = "io.delta.exceptions.ConcurrentAppendException: [DELTA_CONCURRENT_APPEND] Files were added to the table"
ABORTED = "org.apache.spark.SparkException: Job aborted due to stage failure"
OUTAGE = "software.amazon.awssdk.core.exception.SdkClientException: Unable to execute HTTP request: Connect to s3"
DEFECT = "org.apache.spark.SparkException: Parquet column cannot be converted"


class Gateway:
    """A stub of the JVM that returns an error's text."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def send_command(self, _: str) -> str:
        if self._text is None:
            raise Py4JNetworkError("Answer from Java side is empty")
        return "ys" + self._text.replace("\n", "\\n")


def thrown(*messages: str) -> Py4JJavaError:
    """Return an error as a JVM throws it, with its causes and their frames."""
    return java_error("Caused by: ".join(f"{message}\n{FRAMES}" for message in messages))


def java_error(text: str | None) -> Py4JJavaError:
    thrown: Any = type("JavaObject", (), {"_target_id": "o1", "_gateway_client": Gateway(text)})()
    return Py4JJavaError("An error occurred while calling o62.collectToPython.\n", thrown)


def failure(error: Exception) -> PlatformFailure:
    with pytest.raises(PlatformFailure) as raised, translate_errors("clean"):
        raise error
    return raised.value


@pytest.mark.parametrize("error", [thrown(CONFLICT), thrown(ABORTED, CONFLICT), PySparkException("conflict")])
def test_a_commit_conflict_is_recognized_on_every_engine(error: Exception) -> None:
    with pytest.raises(CommitConflictError), translate_engine_conflicts("s3://lake/pin"):
        raise error
    assert isinstance(failure(error), TransientFailure)


@pytest.mark.parametrize("error", [thrown(DEFECT), Py4JError("no such method"), PySparkException("no such column")])
def test_other_errors_pass_unchanged_with_any_thread_names_of_a_jvm(error: Exception) -> None:
    with pytest.raises(type(error)), translate_engine_conflicts("s3://lake/pin"):
        raise error
    assert isinstance(failure(error), PermanentFailure)


@pytest.mark.parametrize("error", [thrown(ABORTED, OUTAGE), java_error(None), Py4JNetworkError("no answer")])
def test_a_store_or_a_jvm_that_does_not_answer_is_a_transient_failure(error: Exception) -> None:
    assert isinstance(failure(error), TransientFailure)


@pytest.mark.parametrize(("code", "kind"), [("INTERNAL", TransientFailure), ("RESOURCE_EXHAUSTED", PermanentFailure)])
def test_an_interrupted_call_is_reported_by_its_details(code: str, kind: type[PlatformFailure]) -> None:
    text = (
        f'<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.{code}\n\tdetails = "Received "it""\n'
        '\tdebug_error_string = "UNKNOWN:Error received from peer"\n>'
    )
    raised = failure(SparkConnectGrpcException(text))
    assert isinstance(raised, kind)
    assert raised.what == f"The Spark job 'clean' failed: {code}: Received \"it\"."


def test_an_error_of_a_jvm_is_reported_by_its_own_message() -> None:
    assert first_line(error_text(thrown(DEFECT))) == DEFECT
    assert first_line(error_text(PySparkException("wrong\nlong plan"))) == "wrong"
