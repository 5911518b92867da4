"""The commands that print results: `reports`, `rows` and `quarantine`."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinterest_platform.catalog import PIN, REPORT_KEYS, USER, Route
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.ports import Record
from pinterest_platform_tests.cli.calls import NAMES, CommandLine

REPORT = "popular_category_by_country"
SOURCE = {"stream": "streaming-u-pin", "shard": "shardId-000000000001", "sequence_number": "0" * 100 + "42"}


def test_reports_are_printed_and_the_page_is_downloaded(command: CommandLine, tmp_path: Path) -> None:
    command.fill_reports(rows=25)
    outcome = command("reports", "--home", str(tmp_path / "home"))
    assert outcome.code == 0
    assert all(f"{key} " in outcome.out for key in REPORT_KEYS)
    assert "10 of 25 rows" in outcome.out
    page = tmp_path / "home" / "site" / "index.html"
    assert outcome.out.endswith(f"page: {page}\n")
    assert page.read_bytes() == b"<html>"


def test_numbers_of_reports_are_written_as_on_the_page(command: CommandLine, tmp_path: Path) -> None:
    command.fill_reports()
    printed = command("reports", "--home", str(tmp_path)).out
    assert re.search(r"post_year .*\n.*\n +1234567 +x +1,234,567", printed)
    assert re.search(r"median_follower_count *\n.*\n +x +1,234,567", printed)


def test_one_report_is_printed_without_the_page(command: CommandLine, tmp_path: Path) -> None:
    command.fill_reports()
    outcome = command("reports", REPORT, "--rows", "1", "--home", str(tmp_path / "home"))
    assert outcome.out.split()[0] == REPORT
    assert "page:" not in outcome.out
    assert not (tmp_path / "home").exists()


def test_reports_as_json_have_all_rows(command: CommandLine) -> None:
    command.fill_reports(rows=25)
    printed = command("reports", "--json").json
    assert list(printed) == list(REPORT_KEYS)
    assert printed[REPORT] == [{"country": "x", "category": "x", "category_count": 1_234_567}] * 25
    assert len(command("reports", REPORT, "--json", "--rows", "3").json[REPORT]) == 3


def test_a_report_table_with_the_columns_of_another_report_is_not_printed(command: CommandLine) -> None:
    command.fill_table(uri := NAMES.report_uri(REPORT), [{"join_year": "2020"}])
    outcome = command("reports", REPORT)
    assert (outcome.code, outcome.out) == (1, "")
    expected = f"Error: The report table {uri} cannot be printed: the columns are [('join_year', 'string')] instead of "
    assert expected in outcome.err
    assert "run reports_only" in outcome.err


def test_a_report_as_csv(command: CommandLine) -> None:
    command.fill_reports(rows=2)
    assert command("reports", REPORT, "--csv").out == "country,category,category_count\n" + "x,x,1234567\n" * 2
    outcome = command("reports", "--csv")
    assert outcome.code == 2
    assert "name a report, or use --json" in outcome.err
    assert "--csv needs NAME" in " ".join(command("reports", "-h").out.split())


def test_a_report_as_csv_has_the_names_of_age_groups(command: CommandLine) -> None:
    row = {"age_group": "+50", "median_follower_count": 1.0}
    command.platform.lake.content[NAMES.report_uri("median_followers_by_age_group")] = [row]
    assert command("reports", "median_followers_by_age_group", "--csv").out.endswith("\n+50,1.0\n")


@pytest.mark.parametrize(("route", "layer"), [("kafka", "cleaned"), ("kinesis", "cleaned_stream")])
def test_rows_of_either_route(command: CommandLine, route: str, layer: str) -> None:
    uri = NAMES.places(PIN, Route(route)).table_uri
    assert f"/{layer}/" in uri
    command.fill_table(uri, [{"ind": index, "_source": SOURCE} for index in range(1200)])
    outcome = command("rows", "pin", "--route", route, "--limit", "2")
    assert outcome.out.startswith(f"{uri}\n  ind: 0\n  _source: streaming-u-pin[shardId-000000000001]@42\n")
    assert outcome.out.endswith("  2 of 1,200; raise --limit to see more\n\n")
    printed = command("rows", "pin", "--route", route, "--json", "--limit", "1").json
    assert printed == {"table": uri, "total_rows": 1200, "rows": [{"ind": 0, "_source": SOURCE}]}
    [header, row] = csv.reader(io.StringIO(command("rows", "pin", "--route", route, "--csv", "--limit", "1").out))
    assert (header, row[0]) == (["ind", "_source"], "0")


def test_the_counts_of_rows_are_printed_as_in_reports_and_keys_without_separators(command: CommandLine) -> None:
    uri = NAMES.places(PIN, Route.KAFKA).table_uri
    command.fill_table(uri, [{"ind": 7528, "follower_count": 102_000, "_source": SOURCE}])
    assert command("rows", "pin").out.startswith(f"{uri}\n  ind: 7528\n  follower_count: 102,000\n")
    assert command("rows", "pin", "--json").json["rows"][0]["follower_count"] == 102_000


def land_rejected(command: CommandLine) -> None:
    """Land a tombstone and junk from the topic, and junk from the stream."""
    platform = command.platform
    entries = platform.topics.topics["u.user"].partitions[0].entries
    entries += [Record(0, 1_700_000_000_000_000_000, None, b"the key"), Record(1, 1_700_000_000_000, b"junk")]
    land_topic(platform.topics, platform.objects, "u.user")
    platform.shards.put("streaming-u-user", 0, b"junk")
    land_stream(platform.shards, platform.objects, "streaming-u-user")


def test_the_quarantine_of_a_topic_shows_the_key_of_a_tombstone_and_any_time(command: CommandLine) -> None:
    land_rejected(command)
    shown = command("quarantine").out
    assert re.search(r"offset: 0\n +arrived_at: 1700000000000000000 ms since 1970\n", shown)
    assert re.search(r"reason: no value \(a tombstone\)\n +value: *\n +key: the key\n", shown)
    assert re.search(
        r"offset: 1\n +arrived_at: 2023-11-14T22:13:20.000\+00:00\n +reason: not JSON.*\n +value: junk\n", shown
    )
    assert "u.user: rejected by cleaning" in shown


def test_the_quarantine_of_a_stream_is_shown(command: CommandLine) -> None:
    land_rejected(command)
    shown = command("quarantine").out
    assert "streaming-u-user: rejected by landing" in shown
    assert re.search(r"shard: shardId-[0-9]+\n +sequence_number: [0-9]+\n +arrived_at: .*\n +reason: not JSON", shown)
    assert "streaming-u-user: rejected by cleaning" in shown


def test_the_quarantine_as_json_and_csv_has_the_same_fields_for_both_routes(command: CommandLine) -> None:
    land_rejected(command)
    rejected: dict[str, Any] = {**SOURCE, "arrived_at": "2024", "reason": "no key", "value": "{}"}
    command.fill_table(NAMES.places(USER, Route.KINESIS).quarantine_uri, [rejected])
    printed = command("quarantine", "--json").json
    assert [(record["source"], record["rejected_by"], record["partition"]) for record in printed] == [
        ("u.user", "landing", 0),
        ("u.user", "landing", 0),
        ("streaming-u-user", "landing", printed[2]["partition"]),
        ("streaming-u-user", "cleaning", "shardId-000000000001"),
    ]
    assert [record["position"] for record in printed[:2]] == [0, 1]
    assert printed[3]["position"] == "42"
    assert printed[0]["key"] == "the key"
    table = list(csv.DictReader(io.StringIO(command("quarantine", "--csv").out)))
    assert [record["position"] for record in table] == [str(record["position"]) for record in printed]
    assert table[0].keys() == printed[0].keys()


def test_an_empty_quarantine_is_one_line(command: CommandLine) -> None:
    outcome = command("quarantine")
    assert (outcome.code, outcome.out) == (0, "no record is quarantined\n")
    assert command("quarantine", "--json").json == []
    assert command("quarantine", "--csv").out.count("\n") == 1


def test_sources_without_rejected_records_are_not_shown(command: CommandLine) -> None:
    land_rejected(command)
    shown = command("quarantine").out
    assert shown.count(": rejected by ") == 4
    assert "u.pin" not in shown


def test_the_limit_is_per_source(command: CommandLine) -> None:
    land_rejected(command)
    assert len(command("quarantine", "--json", "--limit", "1").json) == 2


@pytest.mark.parametrize(
    ("limit", "counts"),
    [
        (1, ["1 shown; raise --limit to see more", "0 of 0", "1 shown", "1 of 3; raise --limit to see more"]),
        (2, ["2 shown", "0 of 0", "1 shown", "2 of 3; raise --limit to see more"]),
        (3, ["2 shown", "0 of 0", "1 shown", "3 of 3"]),
    ],
)
def test_records_beyond_the_limit_are_announced(command: CommandLine, limit: int, counts: list[str]) -> None:
    land_rejected(command)
    rejected: dict[str, Any] = {**SOURCE, "arrived_at": "2024", "reason": "no key", "value": "{}"}
    command.fill_table(NAMES.places(USER, Route.KINESIS).quarantine_uri, [rejected] * 3)
    printed = command("quarantine", "--limit", str(limit)).out
    assert re.findall(r"^  (\d+ (?:shown|of).*)$", printed, re.M) == counts


def test_the_quarantine_is_shown_without_listing_the_landed_objects(command: CommandLine) -> None:
    land_rejected(command)
    objects = command.platform.objects
    [key] = [key for key in objects.objects if key.startswith("quarantine/topics/")]
    orphan = f"{key.rpartition('+')[0]}+{99:019d}.json"
    objects.put(orphan, objects.read(key))
    objects.calls.clear()
    assert len(command("quarantine", "--json").json) == 3
    assert {key.split("/")[0] for name, key in objects.calls if name == "list"} == {"quarantine"}


@pytest.mark.parametrize("form", ["text", "--json", "--csv"])
@pytest.mark.parametrize("change", [lambda body: body[:-9], lambda body: b"", lambda body: body.split(b"\n", 1)[1]])
def test_a_damaged_quarantine_object_is_named_after_the_records_of_the_others(
    command: CommandLine, change: Callable[[bytes], bytes], form: str
) -> None:
    land_rejected(command)
    objects = command.platform.objects
    [key] = [key for key in objects.objects if key.startswith("quarantine/topics/")]
    objects.put(key, change(objects.read(key)))
    outcome = command("quarantine", *([form] if form.startswith("--") else []))
    assert outcome.code == 1
    assert f"Error: {key} is damaged: " in outcome.err
    assert "streaming-u-user" in outcome.out


def test_a_quarantine_that_is_only_damaged_is_not_reported_as_empty(command: CommandLine) -> None:
    land_rejected(command)
    objects = command.platform.objects
    for key in [key for key in objects.objects if key.startswith("quarantine/")]:
        objects.put(key, b"")
    command.platform.lake.tables.clear()
    outcome = command("quarantine")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.count(" is damaged: its content was changed, and has 0 of ") == 2


def test_a_damaged_quarantine_table_is_named_after_the_records_of_the_others(command: CommandLine) -> None:
    land_rejected(command)
    uri = NAMES.places(USER, Route.KINESIS).quarantine_uri
    command.fill_table(uri, [{**SOURCE, "reason": "no key"}])
    del command.platform.lake.content[uri]
    outcome = command("quarantine", "--json")
    assert (outcome.code, len(outcome.json)) == (1, 3)
    assert uri in outcome.err
