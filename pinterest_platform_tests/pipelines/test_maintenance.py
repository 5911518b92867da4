"""Maintenance of all tables, on fakes; delta/test_maintenance.py tests the maintenance of one table."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, Route
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.pipelines import maintenance
from pinterest_platform.pipelines.maintenance import MaintenanceOptions, maintain, retention_hours, summary, tables
from pinterest_platform.ports import MaintenanceResult
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

HOUR_MS = 3_600_000


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


def run(around: Surroundings, *selected: str, dry_run: bool = False) -> tuple[list[str], list[str]]:
    """Return the names of the maintained tables, and the progress lines."""
    lines: list[str] = []
    options = MaintenanceOptions(selected, dry_run)
    results = maintain(around.settings, around.objects, around.lake, options, lines.append)
    return [name for name, _ in results], lines


def holds(around: Surroundings, name: str, **counts: int) -> str:
    uri = tables(around.settings.names)[name]
    around.lake.maintenance[uri] = MaintenanceResult(uri, 9, 2, **counts)
    return uri


def test_every_table_of_both_routes_is_maintained(around: Surroundings) -> None:
    run(around)
    names = around.settings.names
    expected = [names.report_uri(key) for key in REPORT_KEYS]
    for route in Route:
        for entity in ENTITIES:
            expected += [names.places(entity, route).table_uri, names.places(entity, route).quarantine_uri]
    assert sorted(around.lake.maintained) == sorted((uri, 168, False) for uri in expected)


def test_only_selected_tables_are_maintained_and_an_unknown_one_is_refused(around: Surroundings) -> None:
    uri = holds(around, "cleaned/pin")
    around.objects.put("staging/u_pin_table/run/part", b"x")
    assert run(around, "cleaned/pin", dry_run=True)[0] == ["cleaned/pin"]
    assert around.lake.maintained == [(uri, 168, True)]
    assert not [call for call in around.objects.calls if call[0] != "put"]
    with pytest.raises(PermanentFailure, match=r"no table cleaned/pins\. .*reports/median_followers_by_age_group"):
        run(around, "cleaned/pin", "cleaned/pins")


def test_a_retention_shorter_than_a_job_may_read_is_refused(around: Surroundings) -> None:
    around.settings = around.settings.model_copy(update={"retention_hours": 1, "spark_timeout_seconds": 3601.0})
    with pytest.raises(
        PermanentFailure, match=r"PINTEREST_RETENTION_HOURS is 1, but .* \(PINTEREST_SPARK_TIMEOUT_SECONDS\)"
    ):
        run(around)
    assert around.lake.maintained == []
    assert retention_hours(around.settings.model_copy(update={"spark_timeout_seconds": 3600.0})) == 1


def test_a_damaged_table_is_reported_after_the_others_are_maintained(around: Surroundings) -> None:
    around.lake.maintenance[tables(around.settings.names)["cleaned/pin"]] = PermanentFailure("It is broken.", "Fix it.")
    holds(around, "reports/top_poster_by_country")
    around.objects.put(staged := "staging/u_pin_table/run/part", b"x")
    with pytest.raises(PermanentFailure, match="It is broken"):
        run(around)
    assert len(around.lake.maintained) == len(tables(around.settings.names))
    assert staged not in around.objects.objects


def test_damaged_tables_and_a_failed_sweep_are_reported_together(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    around.lake.maintenance[tables(around.settings.names)["cleaned/pin"]] = PermanentFailure("It is broken.", "Fix it.")

    def fail(*_: object) -> None:
        raise PermanentFailure("There is a hole.", "Fill it.")

    monkeypatch.setattr(maintenance, "quarantine_leftovers", fail)
    with pytest.raises(PermanentFailure) as failure:
        run(around)
    assert (failure.value.what, failure.value.action) == ("It is broken. There is a hole.", "Fix it. Fill it.")


def test_an_unexpected_error_names_the_table_and_does_not_stop_the_others(around: Surroundings) -> None:
    names, maintain_one = tables(around.settings.names), around.lake.maintain

    def fail(uri: str, hours: int) -> MaintenanceResult | None:
        result = maintain_one(uri, hours)
        if uri == names["cleaned/pin"]:
            raise KeyError("version")
        return result

    around.lake.maintain = fail  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(PermanentFailure, match=r"the table cleaned/pin .* failed unexpectedly: KeyError: 'version'\."):
        run(around)
    assert len(around.lake.maintained) == len(names)


def test_a_store_that_does_not_answer_ends_it_at_once(around: Surroundings) -> None:
    around.lake.maintenance[tables(around.settings.names)["cleaned/pin"]] = TransientFailure("No response.", "Wait.")
    with pytest.raises(TransientFailure):
        run(around)
    assert len(around.lake.maintained) == 1


@pytest.mark.parametrize(
    ("counts", "dry_run", "line"),
    [
        ({}, False, "9 files, nothing to do"),
        ({"compacted": 8}, False, "8 small files of 9 compacted, 2 files afterwards"),
        ({"compacted": 8}, True, "up to 8 small files of 9 would be compacted"),
        (
            {"conflicted": True},
            False,
            "other writers committed first each time, so small files are left to the next run",
        ),
        (
            {"deleted_files": 2, "deleted_bytes": 70, "deleted_log_files": 3},
            False,
            "2 files with 70 bytes deleted; 3 log files deleted",
        ),
        ({"deleted_log_files": 3}, True, "3 log files would be deleted"),
    ],
)
def test_a_maintenance_is_described_in_one_line(counts: dict[str, int], dry_run: bool, line: str) -> None:
    assert summary(MaintenanceResult("u", 9, 2, **counts), MaintenanceOptions(dry_run=dry_run)) == line


def stage(around: Surroundings, run_id: str, *hours_ago: float, table: str = "stream/u_user_table") -> list[str]:
    keys = [f"staging/{table}/{run_id}/batch-{number}/part" for number in range(len(hours_ago))]
    for key, hours in zip(keys, hours_ago, strict=True):
        around.objects.put(key, b"four")
        around.objects.objects[key].modified_ms = round(time.time() * 1000 - hours * HOUR_MS)
    return keys


def test_staged_files_of_runs_that_wrote_nothing_within_the_retention_are_deleted(around: Surroundings) -> None:
    dead = stage(around, "dead", 169, 170) + stage(around, "dead", 168.1, table="u_pin_table")
    alive = stage(around, "alive", 169, 167.9) + stage(around, "young", 0)
    others = stage(around, "dead", 1000, table="another_user_pin_table")
    _, lines = run(around, dry_run=True)
    assert set(around.objects.objects) == {*dead, *alive, *others}
    assert "staging/stream/u_user_table/dead/: 2 staged files with 8 bytes would be deleted" in lines
    run(around)
    assert set(around.objects.objects) == {*alive, *others}


def test_orphans_in_quarantine_are_deleted_and_all_others_stay(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b"junk", b'{"ind":1}')
    around.shards.put(STREAM, 0, b"junk", b'{"ind":1}')
    land_topic(around.topics, around.objects, TOPIC, TopicOptions())
    land_stream(around.shards, around.objects, STREAM, StreamOptions())
    before = set(around.objects.objects)
    committed = sorted(key for key in before if key.startswith("quarantine/"))
    assert len(committed) == 2
    orphans: list[str] = []
    for key in committed:
        name, end = key.removesuffix(".json").rsplit("+", 1)
        orphans.append(f"{name}+{int(end) + 1:0{len(end)}d}.json")
        around.objects.put(orphans[-1], b"")
    folder, size = committed[0].rsplit("/", 1)[0], 19
    open_end = f"{folder}/{TOPIC}+0+{2:0{size}d}+{9:0{size}d}.json"
    around.objects.put(open_end, b"")
    _, lines = run(around, dry_run=True)
    assert set(around.objects.objects) == {*before, *orphans, open_end}
    assert [f"{key}: belongs to no landed object; would be deleted" in lines for key in orphans] == [True, True]
    run(around)
    assert set(around.objects.objects) == {*before, open_end}


def test_dated_pages_older_than_their_retention_are_deleted(around: Surroundings) -> None:
    today = datetime.now(UTC).date()
    days = {age: f"site/{today - timedelta(days=age)}.html" for age in (0, 365, 366)}
    retained = {"site/index.html", "site/2020-01-01.txt", days[0], days[365]}
    for key in (*retained, days[366]):
        around.objects.put(key, b"x")
    _, lines = run(around, dry_run=True)
    assert days[366] in around.objects.objects
    assert f"{days[366]}: the page of {today - timedelta(days=366)} would be deleted" in lines
    run(around)
    assert set(around.objects.objects) == retained


def land_old(around: Surroundings, hours: float) -> None:
    """Land ten objects of one record on both routes, and change the time of their last write."""
    around.topics.append(TOPIC, 0, *[b'{"ind":1}'] * 10)
    around.shards.put(STREAM, 0, *[b'{"ind":1}'] * 10)
    land_topic(around.topics, around.objects, TOPIC, TopicOptions(object_bytes=1))
    land_stream(around.shards, around.objects, STREAM, StreamOptions(object_bytes=1))
    age(around, hours)


def age(around: Surroundings, hours: float) -> None:
    for stored in around.objects.objects.values():
        stored.modified_ms = round(time.time() * 1000 - hours * HOUR_MS)


def landed_keys(around: Surroundings) -> list[str]:
    return [key for key in around.objects.objects if key.startswith(("topics/", "streams/"))]


def test_small_landed_objects_are_merged_after_the_set_hours_and_deleted_after_the_retention(
    around: Surroundings,
) -> None:
    land_old(around, 23.9)
    run(around)
    assert not list(around.objects.list("merged/"))
    age(around, 24.1)
    _, lines = run(around, dry_run=True)
    assert f"topics/{TOPIC}/partition=0/: 9 small objects would be merged into at least 1" in lines
    assert not list(around.objects.list("merged/"))
    _, lines = run(around)
    assert f"topics/{TOPIC}/partition=0/: 9 small objects merged into 1" in lines
    assert len(list(around.objects.list("merged/"))) == 2
    age(around, 168.1)
    _, lines = run(around, "cleaned/pin")
    assert len(landed_keys(around)) == 20, "with tables selected, nothing is merged or deleted"
    _, lines = run(around)
    assert f"topics/{TOPIC}/partition=0/: 9 objects that merged ones replaced deleted" in lines
    assert len(landed_keys(around)) == 2


def test_nothing_is_merged_if_the_setting_is_0(around: Surroundings) -> None:
    around.settings = around.settings.model_copy(update={"merge_after_hours": 0})
    land_old(around, 1000)
    run(around)
    assert not list(around.objects.list("merged/"))


def test_a_damaged_object_is_reported_after_all_others_are_merged(around: Surroundings) -> None:
    land_old(around, 30)
    key = landed_keys(around)[3]
    around.objects.objects[key].body = b"{}\n"
    with pytest.raises(PermanentFailure, match=r"partition=0/.* was neither merged nor deleted: it holds other bytes"):
        run(around)
    assert [stored.key.split("/")[2] for stored in around.objects.list("merged/")] == ["shard=shardId-000000000000"]
