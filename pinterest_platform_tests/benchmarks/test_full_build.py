"""The full build's data, its peer, and the comparison with it."""

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from deltalake import DeltaTable, write_deltalake

from benchmarks import _duckdb_peer, full_build
from benchmarks._equality import differences
from benchmarks._landed import Load, Posts, Topics, latest_again, objects
from pinterest_platform.catalog import ENTITIES, PIN
from pinterest_platform.spark_jobs.sessions import session
from pinterest_platform_tests.engines.spark_servers import java_home


def raw_lines(load: Load, entity: str) -> list[dict[str, object]]:
    uris = objects(load, after={})[entity]
    return [json.loads(line) for uri in uris for line in Path(uri).read_bytes().splitlines()]


def test_our_tables_and_reports_are_the_peers_cell_for_cell_after_every_load(tmp_path: Path) -> None:
    with session(None) as spark:
        measurements = full_build.measure(spark, tmp_path, 1_500, rounds=1)
    assert [measurement.work.split(",")[0] for measurement in measurements] == [
        "full build",
        "one per cent more",
        "unchanged rows",
    ]
    assert all(measurement.peer_s and measurement.ratio for measurement in measurements)
    assert measurements[0].records == 4_500


@pytest.mark.slow
def test_a_spark_cluster_of_two_workers_builds_the_peers_tables_and_reports(tmp_path: Path) -> None:
    java_home()
    with full_build.engine_session("connect", tmp_path) as spark:
        measurements = full_build.measure(spark, tmp_path, 200, rounds=1, engine="connect")
    assert measurements[0].work == "full build, 200 posts x 3, on two Spark workers"


def test_a_cell_that_differs_from_the_peers_is_found(tmp_path: Path) -> None:
    load = full_build.land(tmp_path, 200)["base"]
    with session(None) as spark:
        full_build.build(spark, tmp_path / "lake", load)
    _duckdb_peer.build(tmp_path / "peer", objects(load, after={}))
    assert differences(tmp_path / "lake", tmp_path / "peer") == []
    uri = str(tmp_path / "lake" / "cleaned" / "geo")
    table = DeltaTable(uri).to_pyarrow_table()
    write_deltalake(uri, table.slice(1), mode="overwrite")
    assert differences(tmp_path / "lake", tmp_path / "peer") == [
        "cleaned/geo: 0 rows only in ours, 1 only in the peer's"
    ]


def test_three_posts_of_ten_repeat_a_key_and_one_repeat_of_a_hundred_has_other_values(tmp_path: Path) -> None:
    posts = list(Posts(10_000, seed=1).take(10_000))
    assert len({post.key for post in posts}) == 7_000
    values: dict[int, set[bytes]] = {}
    for post in posts:
        values.setdefault(post.key, set()).add(post.lines["pin"])
    assert sum(len(lines) - 1 for lines in values.values()) == 30


def test_more_posts_go_on_behind_the_last_key(tmp_path: Path) -> None:
    posts = Posts(1_000, seed=1)
    first, second = list(posts.take(1_000)), list(posts.take(100))
    repeated = {post.key for post in second} & {post.key for post in first}
    assert len({post.key for post in second} - repeated) == 70


def test_unchanged_posts_have_the_newest_values_of_their_keys() -> None:
    posts = list(Posts(2_000, seed=3).take(2_000))
    newest = {post.key: post.lines for post in posts}
    latest = list(latest_again(posts))
    assert len(latest) == len(posts) and all(post.lines == newest[post.key] for post in latest)


@pytest.mark.parametrize("object_bytes", [1_000, 1_000_000])
def test_offsets_of_a_partition_follow_each_other_across_objects_and_loads(tmp_path: Path, object_bytes: int) -> None:
    topics, posts = Topics(tmp_path, object_bytes, 50_000), Posts(300, seed=1)
    loads = [topics.land(posts.take(count)) for count in (300, 30)]
    for entity in ENTITIES:
        lines = [line for load in loads for line in raw_lines(load, entity.name)]
        by_partition = Counter(line["_partition"] for line in lines)
        assert {(line["_partition"], line["_offset"]) for line in lines} == {
            (partition, offset) for partition, count in by_partition.items() for offset in range(count)
        }
        ends = {}
        for batch in (batch for load in loads for batch in load.batches[entity.name]):
            assert (batch.size or 0) <= 50_000 + object_bytes
            assert batch.records == sum(len(Path(uri).read_bytes().splitlines()) for uri in batch.uris)
            ends |= batch.positions
        assert ends == {f"id/{partition}": count - 1 for partition, count in by_partition.items()}
    assert len(loads[0].batches[PIN.name]) > 1


def test_the_first_measurement_of_the_file_is_the_full_build(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    outcome = CliRunner().invoke(full_build.main, ["--rows", "200", "--rounds", "1", "--json", str(path)])
    assert outcome.exit_code == 0, outcome.output
    results = json.loads(path.read_text())
    assert results[0]["work"] == "full build, 200 posts x 3"
    for result in results:
        assert result["ratio"] == pytest.approx(result["ours_s"] / result["peer_s"])


def test_a_file_in_a_folder_that_does_not_exist_is_refused_before_the_work(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(full_build.main, ["--rows", "200", "--json", str(tmp_path / "no" / "x.json")])
    assert outcome.exit_code == 2 and f"there is no folder {tmp_path / 'no'}" in outcome.output
