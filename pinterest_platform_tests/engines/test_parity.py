"""The same cells on every engine: the oracle's, through the real jobs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pinterest_platform.catalog import ENTITIES, PIN, REPORT_KEYS
from pinterest_platform.engines import OwnedEngine
from pinterest_platform_tests.engines import nasty
from pinterest_platform_tests.engines.lake import Lake
from pinterest_platform_tests.oracle import Oracle

# A JVM starts slowly on a busy machine.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="session")
def loads() -> list[dict[str, list[bytes]]]:
    return nasty.loads(40)


@pytest.fixture(scope="session")
def oracle(loads: Sequence[Mapping[str, list[bytes]]]) -> Oracle:
    return Oracle({entity.name: [line for load in loads for line in load[entity.name]] for entity in ENTITIES})


@pytest.fixture(scope="module")
def lake(
    engine: OwnedEngine, tmp_path_factory: pytest.TempPathFactory, loads: list[dict[str, list[bytes]]], oracle: Oracle
) -> Lake:
    """A lake with both loads, one after the other, and the reports."""
    lake = Lake(engine, tmp_path_factory.mktemp("lake"), loads)
    for entity in ENTITIES:
        results = [lake.clean(entity, number) for number in range(len(loads))]
        unreadable = {name: sum(result.unreadable[name] for result in results) for name in results[0].unreadable}
        assert unreadable == oracle.unreadable(entity.name)
        assert sum(result.quarantined for result in results) == len(oracle.rejected(entity.name))
        assert results[1].changed > 0
        assert sum(result.new for result in results) == results[1].rows == len(oracle.cleaned(entity.name))
    lake.report()
    return lake


def test_every_cell_of_the_cleaned_tables_is_the_oracles(lake: Lake, oracle: Oracle) -> None:
    for entity in ENTITIES:
        # A row that was posted again unchanged keeps its `_source`.
        assert_equal(business(lake.rows(entity)), business(oracle.cleaned(entity.name)))
        assert lake.quarantined(entity) == oracle.rejected(entity.name)


def test_every_cell_of_the_reports_is_the_oracles(lake: Lake, oracle: Oracle) -> None:
    for key in REPORT_KEYS:
        assert lake.report_rows(key) == oracle.report(key), key


def test_running_again_commits_nothing(lake: Lake) -> None:
    before = lake.versions()
    repeated = lake.clean(PIN, 1)
    assert (repeated.new, repeated.changed) == (0, 0)
    assert not any(outcome.changed for outcome in lake.report().reports.values())
    assert lake.versions() == before


def test_a_full_refresh_gives_the_same_cells_and_the_newest_sources(lake: Lake, oracle: Oracle) -> None:
    for entity in ENTITIES:
        lake.clean(entity)
        assert_equal(lake.rows(entity), oracle.cleaned(entity.name))


def business(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row[:-3] for row in rows]


def assert_equal(actual: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> None:
    """Cell for cell, types and signs of zero included."""
    assert [row[0] for row in actual] == [row[0] for row in expected]
    for row, expected_row in zip(actual, expected, strict=True):
        assert repr(row) == repr(expected_row)
