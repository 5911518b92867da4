"""The job `reports`: reports of one version of each table, written as one sorted file if they differ."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType
from pyspark.sql import SparkSession

from pinterest_platform import spark_jobs
from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, report_with_key
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.spark_jobs import computed
from pinterest_platform.spark_jobs import reports as job
from pinterest_platform.spark_jobs.parameters import Batch, ReportOutcome, ReportsParameters, ReportsResult
from pinterest_platform.transforms.schemas import REPORT_SCHEMAS
from pinterest_platform_tests.spark_fixtures import NOON
from pinterest_platform_tests.spark_jobs.lake import Lake

POSTS: list[dict[str, Any]] = [
    {"ind": 1, "category": "art", "followers": "1k", "poster": "A", "country": "Peru", "time": "2019-05-01", "age": 20},
    {"ind": 2, "category": "art", "followers": "3k", "poster": "B", "country": "Peru", "time": "2020-05-01", "age": 60},
    {
        "ind": 3,
        "category": "travel",
        "followers": "3k",
        "poster": "C",
        "country": "Chad",
        "time": "2020-05-01",
        "age": None,
    },
    {"ind": 4, "category": "travel", "followers": None, "poster": "C", "country": "Chad", "time": None, "age": 17},
]


class Reports:
    def __init__(self, spark: SparkSession, root: Path) -> None:
        self.spark, self.root, self.computed_uri = spark, root, ""
        self.lakes = {entity.name: Lake(spark, root / entity.name, entity.name) for entity in ENTITIES}

    def post(self, posts: list[dict[str, Any]]) -> None:
        rows: dict[str, list[dict[str, Any]]] = {"pin": [], "geo": [], "user": []}
        for post in posts:
            ind = post["ind"]
            pin = {
                "index": ind,
                "category": post["category"],
                "poster_name": post["poster"],
                "follower_count": post["followers"],
            }
            rows["pin"].append(pin)
            rows["geo"].append({"ind": ind, "country": post["country"], "timestamp": post["time"]})
            rows["user"].append({"ind": ind, "first_name": "Al", "age": post["age"], "date_joined": "2016-02-03"})
        for entity, lake in self.lakes.items():
            lake.clean(lake.land(rows[entity]))

    def uri(self, key: str) -> str:
        return str(self.root / "reports" / key)

    def run(self, *keys: str) -> ReportsResult:
        return self.run_with({key: self.uri(key) for key in keys or REPORT_KEYS})

    def run_with(self, uris: dict[str, str]) -> ReportsResult:
        cleaned = {entity: lake.table for entity, lake in self.lakes.items()}
        parameters = ReportsParameters(cleaned, uris, computed_uri=self.computed_uri)
        return ReportsResult.from_json(
            spark_jobs.execute(self.spark, "reports", parameters.to_json(), lambda line: None)
        )

    def rows(self, key: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in DeltaTable(self.uri(key)).to_pyarrow_table().to_pylist()]


@pytest.fixture
def reports(spark: SparkSession, tmp_path: Path) -> Reports:
    return Reports(spark, tmp_path)


def test_every_report_is_written_with_its_schema_sorted_and_in_one_file(reports: Reports) -> None:
    reports.post(POSTS)
    result = reports.run()
    assert list(result.reports) == list(REPORT_KEYS)
    for key in REPORT_KEYS:
        table = DeltaTable(reports.uri(key))
        fields = [(field.name, field.type.type) for field in table.schema().fields]  # pyright: ignore[reportAttributeAccessIssue]
        assert fields == [(field.name, field.dataType.jsonValue()) for field in REPORT_SCHEMAS[key].fields]
        assert len(table.file_uris()) == 1
    assert reports.rows("popular_category_by_country") == [("Chad", "travel", 2), ("Peru", "art", 2)]
    assert reports.rows("posts_by_category_and_year") == [(2019, "art", 1), (2020, "art", 1), (2020, "travel", 1)]
    assert reports.rows("top_poster_by_country") == [("Chad", "C", 3000), ("Peru", "B", 3000)]
    assert reports.rows("top_country_by_followers") == [("Chad", 3000)]
    assert reports.rows("median_followers_by_age_group") == [("18-24", 1000.0), ("+50", 3000.0)]
    assert reports.rows("users_joined_by_year") == [(2016, 4)]
    assert reports.rows("median_followers_by_join_year") == [(2016, 3000.0)]


def test_posts_outside_the_age_groups_are_counted_only_for_reports_of_age_groups(reports: Reports) -> None:
    reports.post(POSTS)
    result = reports.run("popular_category_by_age_group", "users_joined_by_year")
    assert result.reports["popular_category_by_age_group"].left_out == {"age_missing": 1, "age_outside": 1}
    assert result.reports["users_joined_by_year"].left_out == {}


def test_only_reports_that_differ_are_written_again(reports: Reports) -> None:
    reports.post(POSTS)
    first = reports.run()
    second = reports.run()
    assert all(outcome.changed for outcome in first.reports.values())
    assert not any(outcome.changed for outcome in second.reports.values())
    assert {key: outcome.version for key, outcome in second.reports.items()} == {
        key: outcome.version for key, outcome in first.reports.items()
    }
    reports.post([{**POSTS[3], "country": "Fiji"}])
    third = reports.run()
    assert [key for key, outcome in third.reports.items() if outcome.changed] == ["popular_category_by_country"]


def test_reports_of_empty_tables_are_empty_and_written_once(reports: Reports) -> None:
    reports.post([])
    assert {outcome.rows for outcome in reports.run().reports.values()} == {0}
    assert not any(outcome.changed for outcome in reports.run().reports.values())


def test_the_result_has_the_range_of_the_data(reports: Reports) -> None:
    reports.post(POSTS)
    sources = reports.run("users_joined_by_year").sources
    assert (sources["geo"].rows, sources["geo"].version) == (4, 1)
    assert (sources["geo"].first_time, sources["geo"].last_time) == (
        "2019-05-01T00:00:00+00:00",
        "2020-05-01T00:00:00+00:00",
    )
    assert sources["user"].first_time == "2016-02-03T00:00:00+00:00"
    assert (sources["pin"].first_time, sources["pin"].first_arrival) == (None, "2023-11-14T22:13:20+00:00")
    assert NOON == 1_700_000_000_000


def test_headlines_count_rows_or_distinct_values_without_those_that_are_all_null(reports: Reports) -> None:
    empty_post = {
        "ind": 5,
        "category": None,
        "followers": None,
        "poster": None,
        "country": " ",
        "time": None,
        "age": 20,
    }
    reports.post([*POSTS, empty_post])
    sources = reports.run("users_joined_by_year").sources
    assert sources["pin"].headlines == {"Posts": 5, "Posters": 3}
    assert sources["geo"].headlines == {"Countries": 2}
    assert sources["user"].headlines == {"Users": 4}, "rows without an age count, too"


def test_headlines_of_empty_tables_are_zero(reports: Reports) -> None:
    reports.post([])
    headlines = [source.headlines for source in reports.run("users_joined_by_year").sources.values()]
    assert headlines == [{"Posts": 0, "Posters": 0}, {"Countries": 0}, {"Users": 0}]


def test_a_missing_table_and_an_unknown_report_are_named(reports: Reports) -> None:
    with pytest.raises(PermanentFailure, match="no Delta table at"):
        reports.run()
    with pytest.raises(PermanentFailure, match="no report most_hated"):
        reports.run("most_hated")


def before_the_first_write(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> list[str]:
    """Run an action before the job's first write of a report; return the list of the writes."""
    write, writes = job.Computation._write, list[str]()

    def write_after_the_action(computation: job.Computation, key: str, *arguments: Any) -> DeltaTable:
        writes.append(key)
        if len(writes) == 1:
            action()
        return write(computation, key, *arguments)

    monkeypatch.setattr(job.Computation, "_write", write_after_the_action)
    return writes


def test_a_slower_run_does_not_replace_newer_reports(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "popular_category_by_country"
    reports.post(POSTS)

    def run_faster() -> None:
        reports.post([{**POSTS[3], "country": "Fiji"}])
        reports.run(key)

    before_the_first_write(monkeypatch, run_faster)
    result = reports.run(key)
    assert reports.rows(key) == [("Chad", "travel", 1), ("Fiji", "travel", 1), ("Peru", "art", 2)]
    assert result.reports[key] == ReportOutcome(3, False, 1, {}), "the older rows were never committed"
    assert result.sources["geo"].version == reports.lakes["geo"].version()


def test_a_slower_run_recomputes_if_a_faster_one_found_newer_reports_unchanged(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "popular_category_by_country"
    reports.computed_uri = str(reports.root / "reports" / "_computed.json")
    reports.post(POSTS)
    reports.run(key)
    rows = reports.rows(key)
    reports.post([{**POSTS[3], "country": "Fiji"}])

    def run_faster() -> None:
        reports.post([POSTS[3]])
        assert not reports.run(key).reports[key].changed

    before_the_first_write(monkeypatch, run_faster)
    reports.run(key)
    assert reports.rows(key) == rows


def test_commits_of_drains_cause_no_recomputation(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    reports.post(POSTS)
    geo = reports.lakes["geo"]
    version = geo.version()
    writes = before_the_first_write(monkeypatch, lambda: reports.post([{**POSTS[3], "country": "Fiji"}]))
    result = reports.run()
    assert writes == list(REPORT_KEYS)
    assert (result.sources["geo"].version, geo.version()) == (version, version + 1)
    assert reports.rows("popular_category_by_country") == [("Chad", "travel", 2), ("Peru", "art", 2)]


def test_a_report_whose_table_has_another_column_does_not_stop_the_others(reports: Reports) -> None:
    reports.post([])
    reports.run(*REPORT_KEYS)
    key = REPORT_KEYS[0]
    DeltaTable(reports.uri(key)).alter.add_columns([Field("extra", PrimitiveType("string"))])
    result = reports.run(*REPORT_KEYS)
    assert set(result.reports) == set(REPORT_KEYS[1:])
    assert list(result.failures) == [key]
    assert "has other columns than the report: extra is not expected" in result.failures[key]["what"]
    assert "Move the table away" in result.failures[key]["action"]


@pytest.fixture
def recorded(reports: Reports) -> Reports:
    """Reports whose jobs record what they computed, after a first run."""
    reports.computed_uri = str(reports.root / "reports" / "_computed.json")
    reports.post(POSTS)
    reports.run()
    return reports


def computed_again(recorded: Reports, *keys: str) -> tuple[set[str], ReportsResult]:
    """Run the job; return the keys of the reports that it computed, and its result."""
    lines: list[str] = []
    compute = job.Computation._rows

    def counting(computation: job.Computation, key: str) -> Any:
        lines.append(key)
        return compute(computation, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job.Computation, "_rows", counting)
        result = recorded.run(*keys)
    return set(lines), result


def test_reports_are_not_computed_again_if_only_positions_changed(recorded: Reports) -> None:
    _, first = computed_again(recorded)
    for lake in recorded.lakes.values():
        lake.clean(Batch([], {"id/0": 100}, 0))
    keys, second = computed_again(recorded)
    assert keys == set()
    assert {entity: source.version for entity, source in second.sources.items()} == {
        entity: lake.version() for entity, lake in recorded.lakes.items()
    }
    recorded.computed_uri = ""
    keys, computed = computed_again(recorded)
    assert keys == set(REPORT_KEYS)
    assert second == computed, "a run without a record has the same result"
    assert second.reports == first.reports


def test_a_page_gets_the_facts_of_the_versions_that_its_reports_are_of(
    recorded: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = recorded.run().sources
    recorded.post([{**POSTS[3], "ind": 5}])
    assert recorded.run_with({}) == ReportsResult({}, reported)
    monkeypatch.setattr(computed, "code_digest", lambda: "another release")
    assert recorded.run_with({}).sources["pin"].rows == 5


def test_reports_are_computed_again_if_rows_of_a_table_that_they_read_changed(recorded: Reports) -> None:
    recorded.post([{**POSTS[3], "country": "Fiji"}])
    keys, result = computed_again(recorded)
    assert keys == {key for key in REPORT_KEYS if "geo" in report_with_key(key).reads}
    recorded.computed_uri = ""
    _, computed = computed_again(recorded)
    assert result.sources == computed.sources


@pytest.mark.parametrize("damage", ["rows", "files", "value", "table", "record", "code"])
def test_reports_are_computed_again_if_their_table_or_the_record_is_not_as_it_was_left(
    recorded: Reports, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "users_joined_by_year"
    before = recorded.rows(key)
    if damage == "rows":
        DeltaTable(recorded.uri(key)).delete()
    elif damage == "files":
        write_deltalake(recorded.uri(key), DeltaTable(recorded.uri(key)).to_pyarrow_table(), mode="append")
    elif damage == "value":
        four, five = (number.to_bytes(8, "little") for number in (4, 5))
        path = data_file(recorded.uri(key))
        path.write_bytes(path.read_bytes().replace(four, five))
        assert recorded.rows(key) == [(2016, 5)], "the log does not show it"
    elif damage == "table":
        shutil.rmtree(recorded.uri(key))
    elif damage == "record":
        Path(recorded.computed_uri).write_text(Path(recorded.computed_uri).read_text()[:-9])
    else:
        monkeypatch.setattr(computed, "code_digest", lambda: "another release")
    keys, _ = computed_again(recorded)
    assert keys == ({key} if damage in ("rows", "files", "value", "table") else set(REPORT_KEYS))
    assert recorded.rows(key) == before
    assert computed_again(recorded)[0] == set()


def data_file(uri: str) -> Path:
    [path] = DeltaTable(uri).file_uris()
    return Path(path)


def newest_commit(uri: str) -> Path:
    return max((Path(uri) / "_delta_log").glob("*.json"))


def first_commit(uri: str) -> Path:
    return min((Path(uri) / "_delta_log").glob("*.json"))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, tuple[Callable[[str], object], str]] = {
    "missing data file": (lambda uri: data_file(uri).unlink(), "a file that its log names does not exist"),
    "half data file": (lambda uri: halve(data_file(uri)), "a file of it is damaged"),
    "half commit": (lambda uri: halve(newest_commit(uri)), "a file of it is damaged"),
    "missing commit": (lambda uri: first_commit(uri).unlink(), "a file of its _delta_log is missing"),
    "append only": (
        lambda uri: DeltaTable(uri).alter.set_table_properties({"delta.appendOnly": "true"}),
        "its property delta.appendOnly permits no change of rows",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_one_damaged_report_table_is_named_and_the_other_reports_are_written(recorded: Reports, name: str) -> None:
    key = "median_followers_by_age_group"
    damage, cause = DAMAGES[name]
    damage(recorded.uri(key))
    others = set(REPORT_KEYS) - {key}
    unchanged = recorded.run()
    assert others <= set(unchanged.reports)
    # A property that prevents writing is not a fault of rows that remain as they are.
    assert set(unchanged.failures) == (set() if name == "append only" else {key})
    recorded.post([{**post, "ind": post["ind"] + 10, "followers": "9k", "age": 40} for post in POSTS])
    changed = recorded.run()
    assert set(changed.reports) == others
    assert list(changed.failures) == [key]
    failure = changed.failures[key]
    assert recorded.uri(key) in failure["what"] and cause in failure["what"]
    assert ("ALTER TABLE" if name == "append only" else "move the table away") in failure["action"]
    rows_by_report = {other: recorded.rows(other) for other in others}
    recorded.root, recorded.computed_uri = recorded.root / "another", ""
    recorded.run()
    assert {other: recorded.rows(other) for other in others} == rows_by_report


def test_a_second_run_leaves_the_record_as_it_is(recorded: Reports) -> None:
    before = Path(recorded.computed_uri).read_bytes()
    recorded.run()
    assert Path(recorded.computed_uri).read_bytes() == before


def test_a_run_of_some_reports_keeps_what_is_recorded_of_the_others(recorded: Reports) -> None:
    assert computed_again(recorded, REPORT_KEYS[0])[0] == set()
    assert computed_again(recorded)[0] == set()
