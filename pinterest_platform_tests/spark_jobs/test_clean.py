"""The job `clean`: incremental, idempotent, and equal to a rebuild."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pyspark.sql import SparkSession

from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.spark_jobs import clean, staging
from pinterest_platform.spark_jobs.parameters import Batch
from pinterest_platform.spark_jobs.staging import rows_of_group
from pinterest_platform_tests.spark_fixtures import NOON, table_rows
from pinterest_platform_tests.spark_jobs.lake import Lake


@pytest.fixture(params=["in memory", "in files"])
def lake(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    return Lake(spark, tmp_path, small=request.param == "in memory")


def geo(ind: int, country: str | None = "Aruba", **fields: Any) -> dict[str, Any]:
    return {
        "ind": ind,
        "country": country,
        "latitude": 1.5,
        "longitude": -2,
        "timestamp": "2020-01-01 00:00:00",
        **fields,
    }


def test_the_first_run_creates_the_table_with_its_positions(lake: Lake) -> None:
    result = lake.clean(lake.land([geo(1), geo(2)]))
    assert [row["ind"] for row in lake.rows()] == [1, 2]
    assert (result.records, result.keys, result.new, result.changed, result.unchanged, result.rows) == (
        2,
        2,
        2,
        0,
        0,
        2,
    )
    assert result.positions == {"id/0": 1}
    assert result.version == lake.version()


def test_rows_are_typed_and_have_their_source(lake: Lake) -> None:
    lake.clean(lake.land([geo(1), geo(2, " Fiji ")], partition=3))
    row = lake.rows()[1]
    assert row["country"] == "Fiji"
    assert row["coordinates"] == [1.5, -2.0]
    assert row["timestamp"].isoformat() == "2020-01-01T00:00:00+00:00"
    assert {name: row["_source"][name] for name in ("stream", "partition", "offset")} == {
        "stream": "u.topic", "partition": 3, "offset": 1,
    }  # fmt: skip


def test_the_table_is_created_without_deletion_vectors_and_all_nullable(lake: Lake) -> None:
    lake.clean(lake.land([geo(1)]))
    lake.clean(lake.land([geo(1, "Fiji")]))
    table = DeltaTable(lake.table)
    assert table.protocol().min_writer_version <= 2
    assert all(field.nullable for field in table.schema().fields)


def test_a_second_run_commits_nothing(lake: Lake) -> None:
    batch = lake.land([geo(1), geo(2)])
    first = lake.clean(batch)
    second = lake.clean(batch)
    assert second.version == first.version
    assert (second.new, second.changed, second.unchanged) == (0, 0, 2)


def test_equal_rows_posted_later_change_only_positions(lake: Lake) -> None:
    lake.clean(lake.land([geo(1), geo(2)]))
    before = lake.rows()
    files = DeltaTable(lake.table).file_uris()
    result = lake.clean(lake.land([geo(2), geo(1)]))
    assert lake.rows() == before
    assert DeltaTable(lake.table).file_uris() == files
    assert result.positions == {"id/0": 3}


def test_a_run_without_batches_creates_an_empty_table_and_commits_nothing(lake: Lake) -> None:
    assert (lake.clean().rows, lake.version()) == (0, 0)
    lake.clean()
    assert lake.version() == 0


def test_a_batch_without_objects_advances_the_position(lake: Lake) -> None:
    lake.clean(lake.land([geo(1)]))
    assert lake.clean(Batch([], {"id/0": 9}, 0)).positions == {"id/0": 9}


def test_objects_without_lines_are_accepted(lake: Lake) -> None:
    empty = lake.land([])
    assert lake.clean(Batch(empty.uris, {"id/0": 5}, 0)).positions == {"id/0": 5}
    assert lake.clean(lake.land([geo(1)])).rows == 1


def test_positions_never_go_back(lake: Lake) -> None:
    early, late = lake.land([geo(1)]), lake.land([geo(2)])
    lake.clean(early, late)
    version = lake.version()
    assert lake.clean(early).positions == {"id/0": 1}
    assert lake.version() == version


def test_a_later_post_with_other_values_wins_and_an_earlier_one_does_not(lake: Lake) -> None:
    early, late = lake.land([geo(1, "early"), geo(2)]), lake.land([geo(1, "late")])
    assert lake.clean(late).new == 1
    result = lake.clean(early)
    assert [row["country"] for row in lake.rows()] == ["late", "Aruba"]
    assert (result.new, result.changed, result.unchanged) == (1, 0, 1)
    changed = lake.clean(lake.land([geo(1, None), geo(2)]))
    assert (changed.new, changed.changed, changed.unchanged) == (0, 1, 1)
    assert [row["country"] for row in lake.rows()] == [None, "Aruba"]


@pytest.mark.parametrize("field", ["country", "latitude", "timestamp"])
def test_null_is_a_value_when_rows_are_compared(lake: Lake, field: str) -> None:
    lake.clean(lake.land([geo(1)]))
    assert lake.clean(lake.land([geo(1, **{field: None})])).changed == 1
    assert lake.clean(lake.land([geo(1, **{field: None})])).changed == 0
    assert lake.clean(lake.land([geo(1)])).changed == 1


def test_rejected_records_are_in_quarantine_once_with_reason_and_line(lake: Lake) -> None:
    batch = lake.land([geo(1), {"ind": "x"}, {"country": "y"}, b'{"ind":1,"ind":2}', geo(2, country=[]), {"ind": "z"}])
    result = lake.clean(batch)
    lake.clean(batch)
    lake.clean(batch, full_refresh=True)
    assert (result.records, result.quarantined, result.rows) == (6, 5, 1)
    assert result.reasons == {
        "non-integer key": 2, "missing key": 1, "duplicate names": 1, "object or array in a known field": 1,
    }  # fmt: skip
    rows = table_rows(lake.quarantine, "offset")
    assert [row["offset"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[2]["reason"] == "duplicate names: ind"
    assert '"ind":1,"ind":2' in rows[2]["value"]


def test_a_batch_of_only_rejected_records_advances_the_position(lake: Lake) -> None:
    result = lake.clean(lake.land([{"ind": "x"}]))
    assert (result.rows, result.quarantined, result.positions) == (0, 1, {"id/0": 0})


def test_unreadable_values_are_counted_by_field(lake: Lake) -> None:
    result = lake.clean(lake.land([geo(1, latitude=91), geo(2, timestamp="soon", longitude="x"), geo(1, latitude="")]))
    assert result.unreadable == {"latitude": 1, "longitude": 1, "timestamp": 1}


def test_records_that_are_not_as_their_kinds_promise_are_read_the_exact_way(lake: Lake) -> None:
    batch = lake.land([geo(1), {"country": "Peru"}, geo(2), geo(3)])
    assert batch.kinds is not None
    path = Path(batch.uris[0])
    path.write_bytes(path.read_bytes().replace(b'"ind": 2', b'"ind": 2.5').replace(b'"ind": 3', b'"ind" 3'))
    result = lake.clean(batch)
    assert [row["ind"] for row in lake.rows()] == [1]
    assert result.reasons == {"missing key": 1, "non-integer key": 1, "damaged": 1}


@pytest.mark.parametrize("value", [None, "Chile"])
def test_names_that_differ_in_case_alone_are_different_names(lake: Lake, value: str | None) -> None:
    lake.clean(lake.land([{"ind": 1, "Country": value}] * 5), lake.land([geo(2)]))
    lake.clean(lake.land([geo(3, Country=value)]), lake.land([{"ind": 4, "COUNTRY": value}]))
    countries = {row["ind"]: row["country"] for row in lake.rows()}
    assert countries == {1: None, 2: geo(2)["country"], 3: geo(3)["country"], 4: None}


def test_a_batch_that_the_engines_reader_cannot_plan_is_read_the_exact_way(lake: Lake) -> None:
    batch = lake.land([geo(1), geo(2)])
    path = Path(batch.uris[0])
    path.write_bytes(path.read_bytes().replace(b'"country": ', b'"Country": null, "country": ', 1))
    lake.clean(batch)
    assert [row["country"] for row in lake.rows()] == [geo(1)["country"], geo(2)["country"]]


def test_a_missing_object_fails_and_commits_nothing(lake: Lake) -> None:
    batch = lake.land([geo(1), geo(2)])
    Path(batch.uris[0]).write_bytes(b"".join(Path(batch.uris[0]).read_bytes().splitlines(keepends=True)[:1]))
    with pytest.raises(TransientFailure, match=r"hold 1 record, and their manifests state 2"):
        lake.clean(batch)
    Path(batch.uris[0]).unlink()
    with pytest.raises(TransientFailure, match=r"hold 0 records, and their manifests state 2"):
        lake.clean(batch)
    assert lake.version() == 0


def test_batches_in_files_are_committed_together_and_those_before_a_failing_one_stay(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "_RECORDS_PER_COMMIT", 5)
    monkeypatch.setattr(clean, "_RECORDS_OF_FIRST_COMMIT", 5)
    lake = Lake(spark, tmp_path, small=False)
    batches = [lake.land([geo(1, country), geo(number)]) for number, country in enumerate(["a", "b", "c", "d"], 2)]
    batches = [batches[0], *(replace(later, after=earlier.positions) for earlier, later in pairwise(batches))]
    Path(batches[3].uris[0]).rename(tmp_path / "moved")
    with pytest.raises(TransientFailure, match="hold 0 records"):
        lake.clean(*batches)
    assert (lake.version(), DeltaTables().positions(lake.table)) == (1, batches[1].positions)
    (tmp_path / "moved").rename(batches[3].uris[0])
    result = lake.clean(*batches)
    assert [(row["ind"], row["country"]) for row in lake.rows()] == [(1, "d"), *((key, "Aruba") for key in range(2, 6))]
    # The first commit of the second run changes nothing: the positions are reached, and the newest rows are there.
    assert (result.version, result.keys, result.new, result.changed, result.unchanged) == (2, 6, 2, 1, 3)


def test_the_first_commit_of_a_table_has_more_records_than_later_ones(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "_RECORDS_PER_COMMIT", 2)
    monkeypatch.setattr(clean, "_RECORDS_OF_FIRST_COMMIT", 3)
    lake = Lake(spark, tmp_path, small=False)
    batches = [lake.land([geo(number)]) for number in range(1, 10)]
    batches = [batches[0], *(replace(later, after=earlier.positions) for earlier, later in pairwise(batches))]

    def rows(first: int) -> list[int]:
        versions = range(first, lake.version() + 1)
        return [DeltaTable(lake.table, version).to_pyarrow_table().num_rows for version in versions]

    lake.clean(*batches[:6])
    assert rows(0) == [0, 3, 5, 6]
    lake.clean(*batches[6:])
    assert rows(4) == [8, 9]


def test_large_records_count_as_several_in_a_commit_and_have_small_row_groups(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "_RECORDS_PER_COMMIT", 6)
    monkeypatch.setattr(clean, "_RECORDS_OF_FIRST_COMMIT", 12)
    monkeypatch.setattr(clean, "_RECORD_BYTES", 16 << 20)
    monkeypatch.setattr(staging, "_FEWEST_GROUP_ROWS", 2)
    lake = Lake(spark, tmp_path, small=False)
    batches = [lake.land([geo(3 * number + part) for part in range(3)]) for number in range(5)]
    batches = [batches[0], *(replace(later, after=earlier.positions) for earlier, later in pairwise(batches))]
    # Three records of 32 MiB count as six.
    lake.clean(*(replace(batch, size=3 * (32 << 20)) for batch in batches))
    versions = range(lake.version() + 1)
    assert [DeltaTable(lake.table, version).to_pyarrow_table().num_rows for version in versions] == [0, 6, 9, 12, 15]
    for uri in DeltaTable(lake.table).file_uris():
        groups = parquet.ParquetFile(uri).metadata
        assert max(groups.row_group(number).num_rows for number in range(groups.num_row_groups)) <= 2


@pytest.mark.parametrize(
    ("sizes", "rows"),
    [
        ([], 131_072),
        ([(None, 10), (10, None), (0, 0)], 131_072),
        ([(7_630, 10)], 64 * 1024**2 // 763),
        ([(10_000, 1), (10_000, 1)], 64 * 1024**2 // 10_000),
        ([(1 << 30, 1_000_000), (1_000_000, 1)], 62_441),
        ([(1 << 30, 1)], 4096),
    ],
    ids=["none", "unknown", "usual", "large", "one of them large", "huge"],
)
def test_the_rows_of_a_row_group_follow_the_average_bytes_of_the_records(
    sizes: list[tuple[int | None, int | None]], rows: int
) -> None:
    assert rows_of_group([Batch([], records=records, size=size) for size, records in sizes]) == rows


def test_objects_that_overlap_are_refused_and_nothing_is_duplicated(lake: Lake) -> None:
    batch = lake.land([geo(1), geo(2)])
    twice = Batch([*batch.uris, *batch.uris], batch.positions, 4)
    with pytest.raises(PermanentFailure, match="two have the same position"):
        lake.clean(twice)
    assert lake.rows() == []


def test_staged_files_are_deleted(lake: Lake, tmp_path: Path) -> None:
    lake.clean(lake.land([geo(1)]), lake.land([geo(2)]))
    with pytest.raises(TransientFailure):
        lake.clean(Batch(["/nowhere.json"], {"id/0": 9}, 1))
    assert [path for path in (tmp_path / "staging").rglob("*") if path.is_file()] == []


def test_a_table_with_other_columns_is_refused(lake: Lake, spark: SparkSession) -> None:
    spark.createDataFrame([(1,)], "ind long").write.format("delta").save(lake.table)
    with pytest.raises(PermanentFailure, match="country is missing"):
        lake.clean(lake.land([geo(1)]))


def test_full_refresh_rebuilds_the_same_table_in_one_commit(lake: Lake) -> None:
    batches = [lake.land([geo(1), geo(2, "old")]), lake.land([geo(2, "new"), geo(3)]), lake.land([geo(4)], partition=1)]
    lake.clean(*batches)
    before, version = lake.business(), lake.version()
    result = lake.clean(*batches, full_refresh=True)
    assert lake.business() == before
    assert result.version == version + 1
    assert (result.new, result.changed, result.unchanged, result.rows) == (0, 0, 4, 4)
    assert result.positions == {"id/0": 3, "id/1": 0}
    assert lake.clean(*batches).version == result.version


def test_full_refresh_repairs_a_damaged_table(lake: Lake) -> None:
    batch = lake.land([geo(1), geo(2)])
    lake.clean(batch)
    before = lake.rows()
    DeltaTable(lake.table).delete("ind = 1")
    DeltaTable(lake.table).update(updates={"country": "'damaged'"})
    result = lake.clean(batch, full_refresh=True)
    assert lake.rows() == before
    assert (result.new, result.changed) == (1, 1)


def test_partitions_that_a_full_refresh_did_not_cover_are_cleaned_again(lake: Lake) -> None:
    one, two = lake.land([geo(1)]), lake.land([geo(2)], partition=1)
    lake.clean(one, two)
    assert lake.clean(one, full_refresh=True).positions == {"id/0": 0, "id/1": -1}
    assert lake.clean(two).positions == {"id/0": 0, "id/1": 0}
    assert [row["ind"] for row in lake.rows()] == [1, 2]


@settings(
    max_examples=6, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_incremental_cleaning_equals_a_full_refresh_for_any_batches(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lake = Lake(spark, tmp_path_factory.mktemp("lake"), small=data.draw(st.booleans()))
    # Some posters send no key: the posts of one row are in any partition, which are landed at any time.
    post = st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", None]), st.integers(0, 2))
    posts = data.draw(st.lists(post, min_size=20, max_size=60))
    queues: list[list[tuple[Batch, dict[int, tuple[tuple[int, int], str | None]]]]] = []
    for partition in range(3):
        # Two posts arrive in each millisecond.
        posted = [(number // 2, ind, country) for number, (ind, country, of) in enumerate(posts) if of == partition]
        cuts = sorted(data.draw(st.sets(st.integers(0, len(posted)), max_size=4)) | {0, len(posted)})
        queues.append([])
        for part in (posted[start:end] for start, end in pairwise(cuts)):
            batch = lake.land([geo(ind, country) for _, ind, country in part], partition, [time for time, *_ in part])
            queues[-1].append((batch, {ind: ((time, partition), country) for time, ind, country in part}))
    order = data.draw(st.permutations([number for number, queue in enumerate(queues) for _ in queue]))
    batches = [queues[number].pop(0) for number in order]
    per_run, per_commit = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 60))
    first_commit = data.draw(st.integers(1, 60))
    newest: dict[int, tuple[tuple[int, int], str | None]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clean, "_RECORDS_PER_COMMIT", per_commit)
        patch.setattr(clean, "_RECORDS_OF_FIRST_COMMIT", first_commit)
        for first in range(0, len(batches), per_run):
            run = batches[first : first + per_run]
            lake.clean(*(batch for batch, _ in run))
            for ind, posted_last in (item for _, rows in run for item in rows.items()):
                newest[ind] = max(posted_last, newest.get(ind, posted_last), key=lambda known: known[0])
            assert {row["ind"]: row["country"] for row in lake.rows()} == {ind: row[1] for ind, row in newest.items()}
    incremental = lake.business()
    landed = [batch for batch, _ in batches]
    lake.clean(*landed, full_refresh=True)
    assert lake.business() == incremental
    result = lake.verify(*landed)
    assert (result.missing, result.stale, result.unquarantined, result.duplicate_keys) == (0, 0, 0, 0)


def test_a_recreated_topic_repeats_offsets_and_loses_no_record(lake: Lake, tmp_path: Path) -> None:
    old = lake.land([geo(1, "old"), {"ind": "x"}, geo(2)])
    recreated = Lake(lake.spark, tmp_path / "recreated").land([geo(1, "new"), {"ind": "y"}, geo(2)])
    for uri in recreated.uris:
        later = Path(uri).read_text().replace(str(NOON)[:6], str(NOON + 10**9)[:6])
        Path(uri).write_text(later)
    both = Batch([*old.uris, *recreated.uris], {"id/0": 2, "id/epoch=z/0": 2}, 6)
    for full_refresh in (False, True):
        result = lake.clean(both, full_refresh=full_refresh)
        assert [row["country"] for row in lake.rows()] == ["new", "Aruba"]
        assert (result.rows, result.quarantined) == (2, 2)
    assert len(table_rows(lake.quarantine, "offset")) == 2
    assert lake.verify(both).unquarantined == 0
    DeltaTable(lake.quarantine).delete("arrived_at > '2023-11-20T00:00:00Z'")
    assert lake.verify(both).unquarantined == 1
    lake.clean(old, recreated)
    assert lake.verify(both).unquarantined == 0


def test_a_run_succeeds_although_staged_files_cannot_be_deleted(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(tables: DeltaTables, uri: str) -> None:
        raise TransientFailure(f"The store did not respond for {uri}.", "Retry.")

    monkeypatch.setattr(DeltaTables, "delete_folder", refuse)
    progress: list[str] = []
    parameters = lake.parameters([replace(lake.land([geo(1)]), size=None)])
    assert clean.run(lake.spark, parameters, progress.append).rows == 1
    assert f"staged files at {parameters.staging_uri} remain" in progress[-1]
