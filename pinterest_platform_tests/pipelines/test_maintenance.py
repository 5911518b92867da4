"""What maintenance looks after, on fakes; what happens to a table is shown in spark_jobs/test_upkeep.py."""

import time

import pytest

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, Route
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kafka.options import LandingOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.pipelines import maintenance
from pinterest_platform.pipelines.maintenance import maintain, retention_hours, tables, told
from pinterest_platform.ports import MaintenanceResult
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

HOUR_MS = 3_600_000


@pytest.fixture
def around() -> Surroundings:
    made = Surroundings()
    if STREAM not in made.shards.streams:
        made.shards.create(STREAM)
    return made


def run(around: Surroundings, *wanted: str, dry_run: bool = False) -> tuple[list[str], list[str]]:
    """The names of tables that something was said of, and every line."""
    said: list[str] = []
    done = maintain(around.settings, around.objects, around.lake, wanted, dry_run, said.append)
    return [name for name, _ in done], said


def holds(around: Surroundings, name: str, **counts: int) -> str:
    uri = tables(around.settings.names)[name]
    around.lake.upkeep[uri] = MaintenanceResult(uri, 9, 2, **counts)
    return uri


def test_every_table_of_both_routes_is_looked_after(around: Surroundings) -> None:
    run(around)
    names = around.settings.names
    wanted = [names.report_uri(key) for key in REPORT_KEYS]
    for route in Route:
        for entity in ENTITIES:
            wanted += [names.places(entity, route).table_uri, names.places(entity, route).quarantine_uri]
    assert sorted(around.lake.kept_up) == sorted((uri, 168, False) for uri in wanted)


def test_named_tables_alone_are_looked_after_and_an_unknown_one_is_refused(around: Surroundings) -> None:
    uri = holds(around, "cleaned/pin")
    around.objects.put("staging/u_pin_table/run/part", b"x")
    assert run(around, "cleaned/pin", dry_run=True)[0] == ["cleaned/pin"]
    assert around.lake.kept_up == [(uri, 168, True)]
    assert not [call for call in around.objects.calls if call[0] != "put"]
    with pytest.raises(PermanentFailure, match=r"no table cleaned/pins\. .*reports/median_followers_by_age_group"):
        run(around, "cleaned/pin", "cleaned/pins")


def test_a_retention_shorter_than_a_job_may_read_is_refused(around: Surroundings) -> None:
    around.settings = around.settings.model_copy(update={"retention_hours": 1, "spark_timeout_seconds": 3601.0})
    with pytest.raises(PermanentFailure, match="PINTEREST_RETENTION_HOURS is 1, and PINTEREST_SPARK_TIMEOUT_SECONDS"):
        run(around)
    assert around.lake.kept_up == []
    assert retention_hours(around.settings.model_copy(update={"spark_timeout_seconds": 3600.0})) == 1


def test_a_table_that_cannot_be_used_is_told_when_the_others_are_done(around: Surroundings) -> None:
    around.lake.upkeep[tables(around.settings.names)["cleaned/pin"]] = PermanentFailure("It is broken.", "Mend it.")
    holds(around, "reports/top_poster_by_country")
    around.objects.put(staged := "staging/u_pin_table/run/part", b"x")
    with pytest.raises(PermanentFailure, match="It is broken"):
        run(around)
    assert len(around.lake.kept_up) == len(tables(around.settings.names))
    assert staged not in around.objects.objects


def test_broken_tables_are_told_though_a_sweep_finds_something_else(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    around.lake.upkeep[tables(around.settings.names)["cleaned/pin"]] = PermanentFailure("It is broken.", "Mend it.")

    def find(*_: object) -> None:
        raise PermanentFailure("There is a hole.", "Fill it.")

    monkeypatch.setattr(maintenance, "sweep_quarantine", find)
    with pytest.raises(PermanentFailure) as told:
        run(around)
    assert (told.value.what, told.value.action) == ("It is broken. There is a hole.", "Mend it. Fill it.")


def test_a_store_that_does_not_answer_ends_it_at_once(around: Surroundings) -> None:
    around.lake.upkeep[tables(around.settings.names)["cleaned/pin"]] = TransientFailure("No answer.", "Wait.")
    with pytest.raises(TransientFailure):
        run(around)
    assert len(around.lake.kept_up) == 1


@pytest.mark.parametrize(
    ("counts", "dry_run", "line"),
    [
        ({}, False, "9 files, nothing to do"),
        ({"compacted": 8}, False, "8 small files of 9, 2 afterwards"),
        ({"compacted": 8}, True, "8 small files of 9, up to that many would be put together"),
        ({"raced": True}, False, "other writers came first each time, so small files are left to the next run"),
        (
            {"deleted_files": 2, "deleted_bytes": 70, "deleted_log_files": 3},
            False,
            "2 files with 70 bytes deleted; 3 log files deleted",
        ),
        ({"deleted_log_files": 3}, True, "3 log files would be deleted"),
    ],
)
def test_a_line_tells_what_was_done(counts: dict[str, int], dry_run: bool, line: str) -> None:
    assert told(MaintenanceResult("u", 9, 2, **counts), dry_run) == line


def stage(around: Surroundings, run_id: str, *hours_ago: float, table: str = "stream/u_user_table") -> list[str]:
    keys = [f"staging/{table}/{run_id}/batch-{number}/part" for number in range(len(hours_ago))]
    for key, hours in zip(keys, hours_ago, strict=True):
        around.objects.put(key, b"four")
        around.objects.objects[key].modified_ms = round(time.time() * 1000 - hours * HOUR_MS)
    return keys


def test_staged_files_of_runs_that_wrote_nothing_for_the_retention_go(around: Surroundings) -> None:
    dead = stage(around, "dead", 169, 170) + stage(around, "dead", 168.1, table="u_pin_table")
    alive = stage(around, "alive", 169, 167.9) + stage(around, "young", 0)
    others = stage(around, "dead", 1000, table="another_user_pin_table")
    _, said = run(around, dry_run=True)
    assert set(around.objects.objects) == {*dead, *alive, *others}
    assert "staging/stream/u_user_table/dead/: 2 staged files with 8 bytes would be deleted" in said
    run(around)
    assert set(around.objects.objects) == {*alive, *others}


def test_orphans_in_quarantine_go_and_what_counts_or_may_count_stays(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b"junk", b'{"ind":1}')
    around.shards.put(STREAM, 0, b"junk", b'{"ind":1}')
    land_topic(around.topics, around.objects, TOPIC, LandingOptions())
    land_stream(around.shards, around.objects, STREAM, StreamOptions())
    before = set(around.objects.objects)
    counting = sorted(key for key in before if key.startswith("quarantine/"))
    assert len(counting) == 2
    orphans: list[str] = []
    for key in counting:
        name, end = key.removesuffix(".json").rsplit("+", 1)
        orphans.append(f"{name}+{int(end) + 1:0{len(end)}d}.json")
        around.objects.put(orphans[-1], b"")
    folder, size = counting[0].rsplit("/", 1)[0], 19
    open_end = f"{folder}/{TOPIC}+0+{2:0{size}d}+{9:0{size}d}.json"
    around.objects.put(open_end, b"")
    _, said = run(around, dry_run=True)
    assert set(around.objects.objects) == {*before, *orphans, open_end}
    assert [f"{key}: no object vouches for it; would be deleted" in said for key in orphans] == [True, True]
    run(around)
    assert set(around.objects.objects) == {*before, open_end}
