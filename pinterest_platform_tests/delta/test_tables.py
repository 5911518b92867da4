"""What a Delta log's errors mean: a store that is silent, one that refuses, or a table that is wrong."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pinterest_platform.delta import commits
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure

AWS = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "REGION": "us-east-1", "ALLOW_HTTP": "true"}


@pytest.mark.parametrize("name", ["table", "403", "status-401", "nosuchbucket", "forbidden/accessdenied"])
def test_neither_a_port_nor_a_name_makes_an_outage_a_refusal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # Nothing listens on port 1; the text of the failure has the number 403 in its place.
    for variable, value in {**AWS, "ENDPOINT_URL": "http://127.0.0.1:1/403/401"}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    with pytest.raises(TransientFailure, match="did not answer"):
        DeltaTables(1).open(f"s3://bucket/{name}")


@pytest.mark.parametrize(
    "said",
    [
        "Server returned non-2xx status code \x1b[31m↳\x1b[0m 403 Forbidden",
        "Client error with status 401 Unauthorized",
        "status 400: <Error><Code>SignatureDoesNotMatch</Code></Error>",
    ],
)
def test_a_status_or_code_of_refusal_is_one(said: str) -> None:
    with pytest.raises(PermanentFailure, match="The store refuses"), translate_store_errors("s3://bucket/table"):
        raise OSError(said)


@pytest.mark.parametrize("line", ['{"protocol":{"minReaderVersion":9,"minWriterVersion":9}}', "garbage"])
def test_a_log_that_cannot_be_read_is_no_outage(tmp_path: Path, line: str) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    (tmp_path / "_delta_log" / f"{1:020d}.json").write_text(line + "\n")
    tables = DeltaTables()
    with pytest.raises(PermanentFailure, match="cannot be used"):
        tables.row_count(tables.existing(str(tmp_path)))


def test_rows_with_other_columns_are_no_outage(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    with pytest.raises(PermanentFailure, match="cannot be used"), translate_store_errors(str(tmp_path)):
        write_deltalake(tmp_path, pa.table({"b": ["x"]}), mode="append")


def test_a_missing_bucket_names_the_job_that_makes_it() -> None:
    said = "non-2xx status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>"
    with pytest.raises(PermanentFailure, match="provision"), translate_store_errors("s3://bucket/table"):
        raise OSError(said)


def test_rows_are_added_to_the_version_that_was_looked_at_or_not_at_all(tmp_path: Path) -> None:
    uri, tables = str(tmp_path), DeltaTables()
    write_deltalake(uri, pa.table({"a": [1]}))
    ours, others = tables.existing(uri), tables.existing(uri)
    commits.append(others, pa.table({"a": [2]}), {"x/0": 1})
    with pytest.raises(CommitConflictError):
        commits.append(ours, pa.table({"a": [3]}), {"x/0": 2})
    table = tables.existing(uri)
    assert (table.version(), tables.row_count(table), tables.positions(uri)) == (1, 2, {"x/0": 1})
