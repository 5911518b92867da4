"""The contract of Lake, on the fake and on Delta tables."""

from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pytest
from deltalake import CommitProperties, Transaction, write_deltalake

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Lake, MaintenanceResult, RowVersion, TableFacts
from pinterest_platform.testing import FakeLake
from pinterest_platform_tests.spark_fixtures import NOON

OLDER, ROWS = [{"ind": 9}], [{"ind": 3}, {"ind": 1}]


class Tables(Protocol):
    """A lake, the address of a table in it, and the creation of that table: OLDER, then ROWS with a position."""

    lake: Lake
    uri: str

    def create(self) -> None: ...


class FakeTables:
    uri = "s3://bucket/table"

    def __init__(self) -> None:
        self.lake = FakeLake()

    def create(self) -> None:
        self.lake.tables[self.uri] = TableFacts(self.uri, 1, len(ROWS), (("ind", "bigint"),), "id", rows_id="r")
        self.lake.content[self.uri], self.lake.older_content[self.uri] = ROWS, {0: OLDER}
        self.lake.history[self.uri] = [RowVersion(version, NOON + version, {}) for version in (1, 0)]
        self.lake.table_positions[self.uri] = {"topic/0": 7}
        self.lake.maintenance[self.uri] = MaintenanceResult(self.uri, 1, 1)


class DeltaTables:
    def __init__(self, folder: Path, settings: Any) -> None:
        from pinterest_platform.delta.lake import DeltaLake

        self.lake, self.uri = DeltaLake(settings), str(folder / "table")

    def create(self) -> None:
        write_deltalake(self.uri, self._columns(OLDER))
        properties = CommitProperties(app_transactions=[Transaction("topic/0", 7)])
        write_deltalake(self.uri, self._columns(ROWS), mode="overwrite", commit_properties=properties)

    def _columns(self, rows: list[dict[str, int]]) -> pa.Table:
        return pa.Table.from_pylist(rows, schema=pa.schema([("ind", pa.int64())]))


@pytest.fixture(params=["fake", "delta"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    if request.param == "fake":
        return FakeTables()
    from pinterest_platform.settings import Settings

    return DeltaTables(tmp_path, Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1"}))


def test_a_table_that_does_not_exist_has_no_facts_and_no_rows(tables: Tables) -> None:
    lake, uri = tables.lake, tables.uri
    assert (lake.positions(uri), lake.facts(uri)) == (None, None)
    assert (lake.maintain(uri, 168), lake.preview_maintenance(uri, 168)) == (None, None)
    with pytest.raises(PermanentFailure, match=r"There is no Delta table at .*table"):
        lake.rows(uri)
    with pytest.raises(PermanentFailure, match=r"There is no Delta table at .*table"):
        lake.row_versions(uri, 2)
    with pytest.raises(PermanentFailure, match=r"There is no Delta table at .*table"):
        lake.count_by(uri, "ind")


def test_facts_rows_and_positions_are_those_of_the_newest_version(tables: Tables) -> None:
    tables.create()
    facts = tables.lake.facts(tables.uri)
    assert facts is not None and facts.table_id and facts.rows_id
    assert (facts.uri, facts.version, facts.rows, facts.columns) == (tables.uri, 1, 2, (("ind", "bigint"),))
    assert tables.lake.rows(tables.uri) == ROWS and tables.lake.rows(tables.uri, 1) == ROWS[:1]
    assert dict(tables.lake.positions(tables.uri) or {}) == {"topic/0": 7}


def test_an_older_version_has_its_own_rows(tables: Tables) -> None:
    tables.create()
    assert [version.version for version in tables.lake.row_versions(tables.uri, 2)] == [1, 0]
    assert [version.version for version in tables.lake.row_versions(tables.uri, 1)] == [1]
    assert tables.lake.rows(tables.uri, version=0) == OLDER
    with pytest.raises(PermanentFailure, match="version 5"):
        tables.lake.rows(tables.uri, version=5)


def test_maintenance_keeps_rows_and_names_the_table(tables: Tables) -> None:
    tables.create()
    assert tables.lake.compact(tables.uri) == 0
    for result in (tables.lake.preview_maintenance(tables.uri, 168), tables.lake.maintain(tables.uri, 168)):
        assert result is not None
        assert (result.uri, result.files_after) == (tables.uri, 1)
    assert tables.lake.rows(tables.uri) == ROWS
