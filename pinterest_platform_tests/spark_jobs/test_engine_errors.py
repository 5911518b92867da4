"""Errors of engines, including those of a JVM in the job's own process, which py4j raises."""

import time
from typing import Any

import pytest
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.error_text import first_line
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.spark_jobs import engine_errors
from pinterest_platform.spark_jobs.engine_errors import (
    error_text,
    retry_outages,
    retry_reads,
    translate_engine_conflicts,
    translate_errors,
)

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


@pytest.mark.parametrize(
    "text",
    [
        "Generic S3 error: Error performing PUT http://s:9/b/part-0 in 1s - Server returned non-2xx status code: 500",
        "status code: 400 Bad Request: <?xml version='1.0'?><Error><Code>UnexpectedContent</Code></Error>",
        "S3Exception: We encountered an internal error (Service: S3, Status Code: 500, Request ID: 1)",
        "java.io.IOException: No space left on device",
    ],
)
def test_a_store_that_fails_or_has_a_full_disk_is_transient(text: str) -> None:
    for error in (PySparkException(text), thrown(ABORTED, text)):
        raised = failure(error)
        assert isinstance(raised, TransientFailure) and "the free disk space" in raised.action


def test_an_engine_whose_store_has_an_untrusted_certificate_fails_permanently() -> None:
    text = "SSLHandshakeException: PKIX path building failed: unable to find valid certification path"
    raised = failure(thrown(OUTAGE, text))
    assert isinstance(raised, PermanentFailure) and "Install the certificate" in raised.action


@pytest.mark.parametrize(
    "text",
    [
        "Object at location t/_delta_log/00000000000000000007.json already exists",
        "Commit failed: a concurrent transaction deleted the same data",
        "Tried committing version 7, and version 7 already exists",
    ],
)
def test_a_commit_that_another_writer_created_first_is_a_conflict(text: str) -> None:
    with pytest.raises(CommitConflictError), translate_engine_conflicts("s3://lake/pin"):
        raise PySparkException(text)


@pytest.mark.parametrize(
    "text",
    [
        "Cannot add column, because age already exists",
        "Table default.pin already exists",
        "column cancel_date: interrupted_by conflicts_with",
        "The maximum of concurrent runs is 10",
    ],
)
def test_an_error_that_only_resembles_a_conflict_is_permanent_and_not_repeated(text: str) -> None:
    with pytest.raises(PySparkException), translate_engine_conflicts("s3://lake/pin"):
        raise PySparkException(text)
    assert isinstance(failure(PySparkException(text)), PermanentFailure)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Missing commit file: expected version 0, found 1", "a file of its _delta_log is missing"),
        ("Failed to fetch metadata for file a.parquet: Object at location /lake/a.parquet not found: No such file",
         "a file that its log names does not exist"),
        ("Failed to fetch metadata for file a.parquet: Requested range was invalid", "a file of it is damaged"),
    ],
)  # fmt: skip
def test_a_table_that_lost_a_file_is_named_and_not_retried(text: str, cause: str) -> None:
    error = failure(PySparkException(text))
    assert isinstance(error, PermanentFailure)
    assert f"failed: {cause}: " in error.what
    assert error.action.startswith("Restore the file")


def test_a_data_file_that_cannot_be_read_because_the_store_is_down_is_an_outage() -> None:
    text = "Parquet error: Failed to fetch metadata for file a.parquet: Connection refused (os error 111)"
    assert isinstance(failure(PySparkException(text)), TransientFailure)


@pytest.mark.parametrize("error", [thrown(DEFECT), Py4JError("no such method"), PySparkException("no such column")])
def test_other_errors_pass_unchanged_with_any_thread_names_of_a_jvm(error: Exception) -> None:
    with pytest.raises(type(error)), translate_engine_conflicts("s3://lake/pin"):
        raise error
    assert isinstance(failure(error), PermanentFailure)


@pytest.mark.parametrize("error", [thrown(ABORTED, OUTAGE), java_error(None), Py4JNetworkError("no response")])
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


@pytest.mark.parametrize(
    "text",
    [
        "(java.lang.IllegalStateException) Cannot call methods on a stopped SparkContext.",
        "org.apache.spark.SparkException: Job 7 cancelled because SparkContext was shut down",
    ],
)
def test_a_spark_that_ends_during_a_job_is_a_transient_failure(text: str) -> None:
    assert isinstance(failure(PySparkException(text)), TransientFailure)


def test_an_error_of_a_jvm_is_reported_by_its_own_message() -> None:
    assert first_line(error_text(thrown(DEFECT))) == DEFECT
    assert first_line(error_text(PySparkException("wrong\nlong plan"))) == "wrong"


@pytest.mark.parametrize("text", ["Connection refused (os error 111)", "error sending request", "operation timed out"])
def test_an_outage_of_the_store_has_the_message_of_every_other_call(text: str) -> None:
    with pytest.raises(TransientFailure) as raised, translate_errors("clean", "S3 at http://store:1"):
        raise PySparkException(text)
    assert raised.value.what.startswith("S3 at http://store:1 did not respond: ")
    named = failure(PySparkException(f"Error performing GET http://127.0.0.1:1/b/t in 5.4s: {text}"))
    assert named.what.startswith("S3 at http://127.0.0.1:1 did not respond: ")


def test_work_is_repeated_until_the_store_answers_again() -> None:
    errors = [PySparkException("Connection refused (os error 111)") for _ in range(2)]

    def work() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert retry_outages(work, 5) == "done"


@pytest.mark.parametrize(("text", "calls"), [("no such column", 1), ("Connection refused (os error 111)", 3)])
def test_other_errors_are_not_repeated_and_an_outage_not_for_longer_than_the_set_time(text: str, calls: int) -> None:
    attempts: list[int] = []

    def work() -> None:
        attempts.append(1)
        raise PySparkException(text)

    with pytest.raises(PySparkException):
        retry_outages(work, 0.8)
    assert len(attempts) == calls


def test_a_read_is_repeated_after_a_commit_and_after_an_outage() -> None:
    texts = ["Missing commit file: expected version 0, found 6", "Connection refused (os error 111)"]

    def work() -> str:
        if texts:
            raise PySparkException(texts.pop(0))
        return "done"

    assert retry_reads(work, "s3://b/t", 5) == "done"


def test_the_time_of_an_outage_begins_when_work_that_took_longer_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_errors, "_RETRY_PAUSE_SECONDS", 0.01)
    pauses = [0.2, 0.0]

    def work() -> str:
        if not pauses:
            return "done"
        time.sleep(pauses.pop(0))
        raise PySparkException("Connection refused (os error 111)")

    assert retry_outages(work, 0.1) == "done"


def test_an_unexpected_error_keeps_its_words_and_is_permanent() -> None:
    raised = failure(KeyError("a name"))
    assert isinstance(raised, PermanentFailure)
    assert raised.what == "The Spark job 'clean' failed unexpectedly: KeyError: 'a name'."
    assert raised.action == "Report it, with the log of the run."
