"""The lag that the backlog sensors observe, and the checks that they report."""

import json
import time

import dagster as dg
import pytest

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.orchestration.draining import sensor as draining_sensor
from pinterest_platform_tests.defs.streaming.routes import (
    Kafka,
    Kinesis,
    evaluations,
    observations,
    tick,
)
from pinterest_platform_tests.defs.surroundings import Surroundings


def test_the_lag_of_a_stream_is_observed_and_again_once_it_doubled(around: Surroundings, instance) -> None:
    route = Kinesis(around)
    route.put(1)
    result, lags = tick(route, instance), list[float]()
    for _ in range(20):
        lags += [
            event.metadata["lag_seconds"].value for event in observations(result) if event.asset_key.path[-1] == "user"
        ]
        around.shards.now_ms += 5_000
        result = tick(route, instance, result.cursor)
    assert lags == [0.0, 5.0, 10.0, 20.0, 35.0, 65.0]


def test_the_lag_check_of_a_streamed_table_is_reported_when_it_changes(around: Surroundings, instance) -> None:
    route = Kinesis(around)
    first = tick(route, instance)
    assert {(event.asset_key.to_user_string(), event.check_name, event.passed) for event in evaluations(first)} == {
        (f"cleaned_stream/{entity.name}", "fresh", True) for entity in ENTITIES
    }
    route.put(1)
    around.shards.now_ms += 61_000
    [late] = evaluations(tick(route, instance, first.cursor))
    assert (late.asset_key.path[-1], late.passed) == ("user", False)


def test_a_table_of_the_kafka_route_is_not_fresh_once_a_record_waits_for_a_minute(
    around: Surroundings, instance
) -> None:
    route = Kafka(around)
    assert {(event.asset_key.to_user_string(), event.passed) for event in evaluations(tick(route, instance))} == {
        (f"cleaned/{entity.name}", True) for entity in ENTITIES
    }
    route.put_at(time.time_ns() // 1_000_000 - 61_000, 2)
    result = tick(route, instance)
    [late] = [event for event in evaluations(result) if not event.passed]
    assert (late.asset_key.to_user_string(), late.check_name) == ("cleaned/user", "fresh")
    [user] = [event for event in observations(result) if event.asset_key.path[-1] == "user"]
    lags = user.metadata["lag_by_partition"]
    assert isinstance(lags, dg.TableMetadataValue)
    rows = {row.data["name"]: (row.data["not_landed"], float(row.data["lag_seconds"] or 0)) for row in lags.records}
    assert rows["0"] == rows["2"] == (0, 0)
    assert rows["1"][0] == 2
    assert rows["1"][1] >= 61
    route.land()
    [user] = [event for event in observations(tick(route, instance)) if event.asset_key.path[-1] == "user"]
    assert float(user.metadata["lag_seconds"].value) >= 61, "landed is not cleaned"  # pyright: ignore[reportArgumentType]


def test_a_table_whose_lag_is_unknown_is_not_fresh(around: Surroundings, instance) -> None:
    route = Kafka(around)
    route.put_at(1000, 2)
    result = tick(route, instance)
    assert {event.asset_key.path[-1]: event.passed for event in evaluations(result)} == {
        "pin": True,
        "geo": True,
        "user": False,
    }
    [user] = [event for event in observations(result) if event.asset_key.path[-1] == "user"]
    lags = user.metadata["lag_by_partition"]
    assert isinstance(lags, dg.TableMetadataValue)
    assert [row.data["lag_seconds"] for row in lags.records] == [0, "unknown", 0]
    assert tick(route, instance, result.cursor).asset_events == []


def test_the_lag_of_each_shard_is_observed(around: Surroundings, instance) -> None:
    route = Kinesis(around)
    route.put(1)
    around.shards.now_ms += 5_000
    [user] = [event for event in observations(tick(route, instance)) if event.asset_key.path[-1] == "user"]
    lags = user.metadata["lag_by_shard"]
    assert isinstance(lags, dg.TableMetadataValue)
    assert {"name": "shardId-000000000000", "not_landed": 1, "not_cleaned_objects": 0, "lag_seconds": 5.0} in [
        dict(row.data) for row in lags.records
    ]


def test_an_unchanged_check_is_reported_again_periodically_as_a_user_may_have_run_it_since(
    around: Surroundings, instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = Kinesis(around)
    first = tick(route, instance)
    assert tick(route, instance, first.cursor).asset_events == []
    monkeypatch.setattr(draining_sensor, "REPEAT_CHECK_SECONDS", 0.0)
    repeated = tick(route, instance, first.cursor).asset_events
    assert [type(event) for event in repeated] == [dg.AssetCheckEvaluation] * 3
    assert tick(route, instance, json.dumps({"fresh/user": True, "user": [0, 0]})).asset_events, "an older cursor"
