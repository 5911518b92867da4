"""Positions in the log of a table."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from pinterest_platform.delta.commits import advance
from pinterest_platform.delta.tables import DeltaTables

ROWS = pa.table({"ind": pa.array([2, 1], pa.int64()), "country": ["b", None]})


def commit_positions(uri: str, **positions: int) -> None:
    transactions = [Transaction(name, position) for name, position in positions.items()]
    properties = CommitProperties(app_transactions=transactions)
    write_deltalake(uri, ROWS.slice(0, 0), mode="append", commit_properties=properties)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return str(tmp_path / "table")


def test_positions_are_those_of_the_newest_commit_that_has_any(uri: str) -> None:
    write_deltalake(uri, ROWS)
    assert DeltaTables().positions(uri) == {}
    commit_positions(uri, a=1, b=7)
    commit_positions(uri, a=2, b=7)
    write_deltalake(uri, ROWS, mode="append")
    assert DeltaTables().positions(uri) == {"a": 2, "b": 7}


@pytest.mark.parametrize("checkpoint", [True, False])
def test_positions_are_found_after_any_number_of_commits_without_them(uri: str, checkpoint: bool) -> None:
    commit_positions(uri, a=1, b=7)
    if checkpoint:
        DeltaTable(uri).create_checkpoint()
    commit_positions(uri, a=2, b=7)
    for _ in range(12):
        write_deltalake(uri, ROWS, mode="append")
    assert DeltaTables().positions(uri) == {"a": 2, "b": 7}
    DeltaTable(uri).create_checkpoint()
    assert DeltaTables().positions(uri) == {"a": 2, "b": 7}


def test_positions_remain_in_a_checkpoint_after_its_commits_are_deleted(uri: str) -> None:
    write_deltalake(uri, ROWS)
    commit_positions(uri, a=1, b=7)
    write_deltalake(uri, ROWS, mode="append")
    DeltaTable(uri).create_checkpoint()
    for commit in Path(uri, "_delta_log").glob("*.json"):
        commit.unlink()
    assert DeltaTables().positions(uri) == {"a": 1, "b": 7}


def test_text_in_a_commit_is_not_read_as_a_position(uri: str) -> None:
    write_deltalake(
        uri, ROWS, commit_properties=CommitProperties(custom_metadata={"x": json.dumps({"txn": {"appId": 1}})})
    )
    assert DeltaTables().positions(uri) == {}


def test_unmarked_commits_of_earlier_versions_have_positions_until_there_is_a_marked_one(uri: str) -> None:
    commit_positions(uri, **{"u.pin/0": 4})
    write_deltalake(uri, ROWS, mode="append", commit_properties=CommitProperties(custom_metadata={"userMetadata": "x"}))
    commit_positions(uri, **{"u.pin/0": 5, "u.pin/epoch=a/1": 7})
    tables = DeltaTables()
    assert tables.positions(uri) == {"u.pin/0": 5, "u.pin/epoch=a/1": 7}
    assert tables.foreign_commits(tables.existing(uri), tables.transactions_of(tables.existing(uri))) == []
    advance(tables.existing(uri), {}, {"u.pin/0": 6})
    commit_positions(uri, **{"u.pin/0": 9})
    assert tables.positions(uri) == {"u.pin/0": 6}
