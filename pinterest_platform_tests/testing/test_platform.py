"""The platform in a folder: both routes with real landing, Spark jobs and Delta tables, without services."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pinterest_platform.catalog import ENTITIES, GEO, PAGE_KEY, PIN, REPORT_KEYS, USER, Route
from pinterest_platform.defs.streaming.sensors import kafka_backlog
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.testing import LocalPlatform

POSTS = {
    PIN: [{"index": 1, "category": "art"}, {"index": 2, "category": "diy"}, {"index": 1, "category": "food"}],
    GEO: [{"ind": 1, "country": "France"}, {"ind": 2, "country": "Peru"}],
    USER: [{"ind": 1, "first_name": "Ada", "last_name": "L", "age": 30, "date_joined": "2016-02-03T04:05:06"}],
}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[LocalPlatform]:
    with LocalPlatform(tmp_path) as platform:
        yield platform


def categories(platform: LocalPlatform, name: str) -> list[tuple[int, str]]:
    return [(row["ind"], row["category"]) for row in platform.rows(name)]


def test_both_routes_the_ledger_and_the_page_work(platform: LocalPlatform) -> None:
    for route in Route:
        for entity, rows in POSTS.items():
            platform.post(entity, rows, route)
    batch, streaming = platform.run("batch_pipeline"), platform.run("streaming_pipeline")
    agree = dg.AssetSelection.checks(
        *(dg.AssetCheckKey(dg.AssetKey(["cleaned_stream", entity.name]), "agrees_with_cleaned") for entity in ENTITIES)
    )
    checks = [
        check
        for result in (batch, streaming, platform.materialize(agree))
        for check in result.get_asset_check_evaluations()
    ]
    assert {check.check_name for check in checks} >= {"every_offset_is_accounted_for", "agrees_with_cleaned", "sound"}
    assert [check.check_name for check in checks if not check.passed] == []
    assert (
        categories(platform, "cleaned/pin") == categories(platform, "cleaned_stream/pin") == [(1, "food"), (2, "diy")]
    )
    assert platform.rows("reports/users_joined_by_year") == [{"join_year": 2016, "number_users_joined": 1}]
    page = platform.objects.read(PAGE_KEY).decode()
    assert {path.name for path in Path(platform.settings.folder).parent.iterdir()} == {"bucket", "home"}
    assert all(f'id="{key}"' in page for key in REPORT_KEYS) and "Peru" in page


def test_later_posts_win_and_run_config_is_passed_to_ops(platform: LocalPlatform) -> None:
    platform.post(PIN, POSTS[PIN])
    platform.materialize('+key:"cleaned/pin"')
    platform.post(PIN, [{"index": 2, "category": "art"}])
    platform.materialize(["raw/pin", "cleaned/pin"])
    assert categories(platform, "cleaned/pin") == [(1, "food"), (2, "art")]
    result = platform.materialize("cleaned/pin", ops={"cleaned__pin": {"config": {"full_refresh": True}}})
    assert result.success and categories(platform, "cleaned/pin") == [(1, "food"), (2, "art")]


def test_a_selection_without_assets_is_an_error(platform: LocalPlatform) -> None:
    with pytest.raises(ValueError, match=r"No asset or check is selected by 'key:\"cleaned/pinn\"'"):
        platform.materialize('key:"cleaned/pinn"')


def test_invalid_records_are_in_quarantine(platform: LocalPlatform) -> None:
    platform.post(PIN, [b"junk", {"category": "art"}, {"index": 1}])
    result = platform.materialize('+key:"cleaned/pin"')
    failed = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    assert failed == {"nothing_quarantined", "nothing_rejected"}
    assert [row["reason"] for row in platform.rows("quarantine/cleaned/pin")] == ["missing key: index"]
    assert [stored.key for stored in platform.objects.list("quarantine/topics/local.pin/")] != []


def test_a_merged_object_whose_name_is_longer_than_a_file_name_may_be_is_read_by_spark(tmp_path: Path) -> None:
    table = dg.AssetSelection.assets("cleaned_stream/geo").without_checks()
    with LocalPlatform(tmp_path, kinesis_shards=1) as platform:
        for number in range(4):
            platform.post(GEO, [{"ind": number, "country": "Peru"}], Route.KINESIS)
            platform.materialize(table)
        for landed in (tmp_path / "bucket/streams").rglob("*.json"):
            os.utime(landed, (0, 0))
        platform.run("maintenance")
        [merged] = platform.objects.list("merged/")
        assert len(merged.key.rpartition("/")[2]) > 255
        platform.materialize(table, ops={"drain_kinesis": {"config": {"full_refresh": True}}})
        assert [row["ind"] for row in platform.rows("cleaned_stream/geo")] == [0, 1, 2, 3]


def test_an_outage_fails_a_run_and_a_sensor_requests_one(platform: LocalPlatform) -> None:
    platform.post(PIN, POSTS[PIN])
    with dg.build_sensor_context(instance=platform.instance, resources=platform.resources) as context:
        tick: Any = kafka_backlog(context)
    assert len(tick.run_requests) == 1
    platform.topics.down = True
    assert not platform.materialize("raw/pin", raise_on_error=False).success
    with pytest.raises(dg.Failure, match="The fake broker is down"):
        platform.materialize("raw/pin")


def test_an_asset_of_a_user_reads_a_cleaned_table_with_spark(platform: LocalPlatform) -> None:
    @dg.asset
    def countries(settings: dg.ResourceParam[Any], pyspark: dg.ResourceParam[Any]) -> int:
        return pyspark.spark_session.read.format("delta").load(settings.names.cleaned_uri(GEO)).count()

    platform.post(GEO, POSTS[GEO])
    platform.materialize('+key:"cleaned/geo"')
    assert dg.materialize([countries], resources=platform.resources).output_for_node("countries") == 2


def test_the_environment_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINTEREST_USER_ID", "other")
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "databricks")
    with LocalPlatform(tmp_path, object_bytes=2048) as platform:
        settings = platform.settings
    assert (settings.user_id, settings.spark_engine, settings.object_bytes) == ("local", "sail", 2048)


def test_a_setting_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="object_byte"):
        LocalPlatform(tmp_path, object_byte=2048)


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PermanentFailure, match=r"is not empty. Use a new folder"):
        LocalPlatform(tmp_path)


@pytest.mark.parametrize("name", ["a b", "50%", "caf\u00e9"])
def test_a_path_that_spark_misreads_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PermanentFailure, match="Spark cannot use the folder"):
        LocalPlatform(tmp_path / name)


def test_an_unknown_table_is_answered_with_the_names_of_all(tmp_path: Path) -> None:
    with (
        LocalPlatform(tmp_path) as platform,
        pytest.raises(PermanentFailure, match=r"pins. Name one of cleaned/"),
    ):
        platform.rows("pins")
