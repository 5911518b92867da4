"""The capacity model, and the page that it writes."""

from pathlib import Path

import pytest

from benchmarks import _publication, scaling
from benchmarks._capacity import Assumptions, Capacity, Rates, rates
from benchmarks._results import Measurement

ROOT = Path(__file__).parents[2]
MEASURED = Rates(landing=50_000.0, cleaning=100_000.0, draining=10_000.0, updating=5_000.0)
RESULTS = [
    Measurement("full build, 20,000 posts x 3", "p", 1.0, records=60_000),
    Measurement("full build, 1,000,000 posts x 3", "p", 10.0, records=3_000_000),
    Measurement("one per cent more, after 1,000,000 posts x 3", "p", 5.0, records=30_000),
    Measurement("landing, one partition", "p", 4.0, records=400_000),
]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "scaling.md").write_text((ROOT / "docs" / "scaling.md").read_text("utf-8"), "utf-8")
    return tmp_path


def test_shards_follow_the_stricter_of_records_and_bytes() -> None:
    # 3 x 10^9 / 86,400 = 34,722 records/s for each stream: 35 shards; pin has 26.5 MB/s, less than that.
    assert Capacity(10**9).shards == 3 * 35
    assert Capacity(10**6).shards == 3 * Assumptions().partitions


def test_partitions_follow_the_rate_at_which_one_core_lands() -> None:
    assert Capacity(10**10).partitions == 27 + 6 + 6
    all_day = Assumptions(batch_hours=24)
    assert Capacity(10**10, MEASURED, all_day).partitions == 27 + 26 + 26


def test_the_daily_batch_has_a_partition_for_each_of_its_cores() -> None:
    capacity = Capacity(10**10, MEASURED)
    assert (capacity.batch_cores, capacity.later_batch_cores) == (250, 1834)
    assert capacity.partitions == 3 * 612


def test_cores_are_rounded_up_and_unknown_without_a_rate() -> None:
    capacity = Capacity(10**9, MEASURED)
    assert (capacity.landing_cores, capacity.batch_cores, capacity.drain_cores) == (3, 25, 11)
    unknown = Capacity(10**9)
    assert (unknown.landing_cores, unknown.batch_cores, unknown.drain_core_dollars()) == (None, None, None)
    assert (unknown.landing_hours, unknown.batch_core_dollars()) == (None, None)


def test_landing_and_cleaning_share_the_hour_of_the_daily_batch() -> None:
    # 3 x 10^9 records: 60,000 core-seconds of landing and 30,000 of cleaning, in 3,600 s.
    capacity = Capacity(10**9, MEASURED)
    assert capacity.batch_cores == (60_000 + 30_000) / 3_600
    assert capacity.landing_hours == pytest.approx(60_000 / 3_600)
    # 600,000 core-seconds of cleaning, if the day is one per cent of its table.
    assert capacity.later_batch_cores == 184
    assert capacity.batch_core_dollars() == pytest.approx(184 * 30 * 0.0504)
    assert Capacity(10**9, Rates(landing=50_000.0)).batch_cores is None


def test_rates_are_those_of_one_core_of_the_largest_run() -> None:
    assert rates(RESULTS, cores=2) == Rates(100_000.0, cleaning=150_000.0, updating=3_000.0)
    largest = Measurement("growth, 10,000,000 posts x 3", "p", 150.0, records=30_000_000)
    assert rates([*RESULTS, largest], cores=2).cleaning == 100_000.0


def test_money_is_resources_by_prices() -> None:
    capacity = Capacity(10**9)
    assert capacity.kinesis_dollars() == pytest.approx(105 * 730 * 0.015 + 90e9 * 0.014e-6)
    assert capacity.api_dollars() == pytest.approx(3e9 / 500 * 30 * 3.5e-6)


def test_the_page_uses_the_saved_rates(docs: Path) -> None:
    _publication.save(RESULTS, docs)
    text = scaling.publish(docs).read_text("utf-8")
    assert "landing 100,000" in text and "drain not measured" in text
    assert "| cores that land the busiest hour | 1 | 1 | 2 |" in text
    assert "| hours in which one core lands a day | 0.01 | 0.83 | 8.33 |" in text
    assert "| cores that land and clean the first day in an hour | 1 | 2 | 14 |" in text


def test_the_published_page_is_what_the_command_writes(docs: Path) -> None:
    saved = ROOT / "docs" / "benchmarks.json"
    if saved.exists():
        (docs / "benchmarks.json").write_text(saved.read_text("utf-8"), "utf-8")
    assert scaling.publish(docs).read_text("utf-8") == (ROOT / "docs" / "scaling.md").read_text("utf-8")
