"""The lake of Delta tables, without an engine."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql.types import StringType, StructField, StructType

from pinterest_platform.delta import commits
from pinterest_platform.delta.lake import DeltaLake
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings

ROWS = pa.table({"ind": pa.array([2, 1], pa.int64()), "country": ["b", None]})


def lake(seconds: float = 2) -> DeltaLake:
    return DeltaLake(Settings.model_validate({"kafka_bootstrap_servers": "x", "io_timeout_seconds": seconds}))


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return str(tmp_path / "table")


def test_a_table_that_does_not_exist_has_no_positions_facts_or_rows(uri: str) -> None:
    assert lake().positions(uri) is None
    assert lake().facts(uri) is None
    with pytest.raises(PermanentFailure, match="no Delta table at") as failure:
        lake().rows(uri)
    assert "batch_pipeline" in failure.value.action


def test_facts_are_version_rows_and_columns_in_order(uri: str) -> None:
    write_deltalake(uri, ROWS)
    write_deltalake(uri, ROWS, mode="append")
    facts = lake().facts(uri)
    assert facts is not None
    assert (facts.uri, facts.version, facts.rows) == (uri, 1, 4)
    assert facts.files == 2
    assert facts.columns == (("ind", "bigint"), ("country", "string"))
    assert facts.bytes == sum(path.stat().st_size for path in Path(uri).glob("*.parquet"))


def test_rows_are_in_the_order_of_the_file(uri: str) -> None:
    write_deltalake(uri, ROWS)
    assert lake().rows(uri) == [{"ind": 2, "country": "b"}, {"ind": 1, "country": None}]
    assert lake().rows(uri, limit=1) == [{"ind": 2, "country": "b"}]


def test_versions_of_rows_are_the_commits_that_changed_rows_with_their_metadata(uri: str) -> None:
    tables = DeltaTables(2)
    table = tables.ensure(uri, StructType([StructField("country", StringType())]))
    for country in ("Chad", "Peru", "Fiji"):
        commits.replace_rows(table, pa.table({"country": [country]}), {"pin_version": country})
    tables.existing(uri).optimize.compact()
    write_deltalake(uri, pa.table({"country": ["Oman"]}), mode="append")
    newest = lake().row_versions(uri, 3)
    assert [version.metadata.get("pin_version") for version in newest] == [None, "Fiji", "Peru"]
    assert [version.version for version in newest[1:]] == [3, 2]
    assert newest[0].written_ms is not None and newest[0].written_ms >= (newest[2].written_ms or 0) > 1_600_000_000_000
    assert [version.version for version in lake().row_versions(uri, 99)][-1] == 1, "the creation changes no row"
    assert lake().rows(uri, version=2) == [{"country": "Peru"}]


def test_rows_of_a_deleted_version_are_a_permanent_failure(uri: str) -> None:
    write_deltalake(uri, ROWS)
    write_deltalake(uri, ROWS, mode="overwrite")
    DeltaTable(uri).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(PermanentFailure):
        lake().rows(uri, version=0)
    with pytest.raises(PermanentFailure):
        lake().rows(uri, version=7)


def test_rows_are_counted_by_the_text_in_a_column(uri: str) -> None:
    write_deltalake(uri, pa.table({"reason": ["a", "b", "a"], "value": ["x", "y", "z"]}))
    assert lake().count_by(uri, "reason") == {"a": 2, "b": 1}


@pytest.fixture
def silent_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        values = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "REGION": "us-east-1", "ALLOW_HTTP": "true"}
        for name, value in {**values, "ENDPOINT_URL": address}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield address


@pytest.mark.parametrize("ask", ["positions", "facts", "rows"])
def test_a_store_that_does_not_answer_is_a_transient_failure_and_no_empty_result(ask: str, silent_store: str) -> None:
    with pytest.raises(TransientFailure) as failure:
        getattr(lake(1), ask)("s3://bucket/table")
    assert failure.value.what == f"S3 at {silent_store} did not respond: it sends no response within the time limit."


def test_other_rows_at_the_same_version_of_a_restored_table_have_another_id(uri: str, tmp_path: Path) -> None:
    write_deltalake(uri, ROWS)
    shutil.copytree(uri, tmp_path / "backup")
    write_deltalake(uri, ROWS, mode="append")
    before = lake().facts(uri)
    shutil.rmtree(uri)
    shutil.copytree(tmp_path / "backup", uri)
    write_deltalake(uri, ROWS.slice(0, 1), mode="append")
    after = lake().facts(uri)
    assert before is not None and after is not None
    assert (before.table_id, before.version) == (after.table_id, after.version)
    assert before.rows_id != after.rows_id
