"""Errors of a store and of a table: no answer, refusal, damage."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure

AWS = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "REGION": "us-east-1", "ALLOW_HTTP": "true"}


@pytest.mark.parametrize("name", ["table", "403", "status-401", "nosuchbucket", "forbidden/accessdenied"])
def test_a_port_or_a_name_does_not_make_an_outage_a_refusal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # Nothing listens on port 1; the path of the address has the number 403.
    for variable, value in {**AWS, "ENDPOINT_URL": "http://127.0.0.1:1/403/401"}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    with pytest.raises(TransientFailure, match="did not answer"):
        DeltaTables(1).open(f"s3://bucket/{name}")


@pytest.mark.parametrize(
    "text",
    [
        "Server returned non-2xx status code \x1b[31m↳\x1b[0m 403 Forbidden",
        "Client error with status 401 Unauthorized",
        "status 400: <Error><Code>SignatureDoesNotMatch</Code></Error>",
    ],
)
def test_a_status_or_code_of_refusal_is_a_permanent_failure(text: str) -> None:
    with pytest.raises(PermanentFailure, match="The store refuses"), translate_store_errors("s3://bucket/table"):
        raise OSError(text)


@pytest.mark.parametrize("line", ['{"protocol":{"minReaderVersion":9,"minWriterVersion":9}}', "garbage"])
def test_a_damaged_log_is_a_permanent_failure(tmp_path: Path, line: str) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    (tmp_path / "_delta_log" / f"{1:020d}.json").write_text(line + "\n")
    tables = DeltaTables()
    with pytest.raises(PermanentFailure, match="cannot be used"):
        tables.row_count(tables.existing(str(tmp_path)))


def test_rows_with_other_columns_are_a_permanent_failure(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    with pytest.raises(PermanentFailure, match="cannot be used"), translate_store_errors(str(tmp_path)):
        write_deltalake(tmp_path, pa.table({"b": ["x"]}), mode="append")


def test_the_failure_of_a_missing_bucket_names_the_job_that_creates_it() -> None:
    text = "non-2xx status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>"
    with pytest.raises(PermanentFailure, match="provision"), translate_store_errors("s3://bucket/table"):
        raise OSError(text)
