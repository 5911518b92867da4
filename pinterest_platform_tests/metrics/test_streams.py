"""Positions and lag of partitions and shards."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.metrics import streams
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC
from pinterest_platform_tests.metrics.scrapes import DAY_MS, Prometheus, Scraped

CLEANED_TABLE = "s3://user-u-bucket/delta/cleaned/u_user_table"
CLEANED_STREAM_TABLE = "s3://user-u-bucket/delta/cleaned_stream/u_user_table"
OF_PARTITION = {"route": "kafka", "stream": TOPIC, "partition": "0"}
SHARD = "shardId-000000000000"
OF_SHARD = {"route": "kinesis", "stream": STREAM, "partition": SHARD}
LAGS = {"landing_lag_seconds", "cleaning_lag_seconds", "retention_headroom_seconds"}


def values(scraped: Scraped, labels: dict[str, str], *names: str) -> list[float | None]:
    return [scraped.value(name, **labels) for name in names]


def land(prometheus: Prometheus) -> None:
    land_topic(prometheus.platform.topics, prometheus.platform.objects, TOPIC)


def test_end_landed_and_cleaned_positions_of_a_partition(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.topics.append(TOPIC, 0, b"{}", b"{}", b"junk")
    land(prometheus)
    platform.lake.table_positions[CLEANED_TABLE] = {f"{TOPIC}/0": 2}
    platform.topics.append(TOPIC, 0, b"{}", b"{}")
    land(prometheus)
    platform.topics.append(TOPIC, 0, b"{}")
    prometheus.now_ms = FIRST_TIMESTAMP_MS + 60_000
    scraped = prometheus.scrape()
    assert not scraped.down()
    positions = values(scraped, OF_PARTITION, "end_position", "landed_position", "cleaned_position")
    assert positions == [6, 5, 3]
    assert values(scraped, OF_PARTITION, "unlanded_records", "uncleaned_records") == [1, 2]
    assert values(scraped, OF_PARTITION, *sorted(LAGS)) == [59.997, 59.995, 7 * DAY_MS / 1000 - 59.995]


def test_a_partition_without_backlog_has_no_lag_and_the_whole_retention_time(prometheus: Prometheus) -> None:
    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    land(prometheus)
    prometheus.platform.lake.table_positions[CLEANED_TABLE] = {f"{TOPIC}/0": 0}
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, *sorted(LAGS)) == [0, 0, 7 * DAY_MS / 1000]
    assert values(scraped, OF_PARTITION, "landed_position", "cleaned_position", "uncleaned_records") == [1, 1, 0]


def test_a_partition_that_lost_offsets_has_no_headroom(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.topics.append(TOPIC, 0, b"{}")
    land(prometheus)
    platform.topics.append(TOPIC, 0, b"{}", b"{}")
    platform.topics.trim(TOPIC, 0, 2)
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, "retention_headroom_seconds", "unlanded_records") == [0, 2]


def test_unlimited_retention_has_no_headroom_value(prometheus: Prometheus) -> None:
    prometheus.times.retention = None
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, "retention_headroom_seconds", "landing_lag_seconds") == [None, 0]


def test_a_time_that_cannot_be_right_gives_no_lag(prometheus: Prometheus) -> None:
    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    prometheus.now_ms = FIRST_TIMESTAMP_MS - 10 * DAY_MS
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, "unlanded_records", *LAGS) == [1, None, None, None]


def test_a_landed_record_whose_time_cannot_be_right_gives_no_cleaning_lag(prometheus: Prometheus) -> None:
    prometheus.platform.topics.append(TOPIC, 0, b"{}", timestamp_ms=1000)
    land(prometheus)
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, "uncleaned_records", "cleaning_lag_seconds") == [1, None]


def test_landed_offsets_without_records_have_the_lag_of_those_that_are_not_landed(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.topics.skip(TOPIC, 0, 2)
    land(prometheus)
    platform.topics.append(TOPIC, 0, b"{}")
    prometheus.now_ms = FIRST_TIMESTAMP_MS + 60_002
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, "uncleaned_records", "cleaning_lag_seconds") == [0, 60]


def test_a_recreated_topic_that_is_landed_has_partitions_of_its_own(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.topics.append(TOPIC, 0, b"{}", b"{}")
    land(prometheus)
    platform.lake.table_positions[CLEANED_TABLE] = {f"{TOPIC}/0": 1, f"{TOPIC}/epoch=x/0": 4}
    platform.topics.topics[TOPIC].topic_id = "x"
    platform.topics.append(TOPIC, 0, *[b"{}"] * 5)
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, "landed_position", "cleaned_position", "end_position") == [2, 2, None]
    renewed = {**OF_PARTITION, "partition": "epoch=x/0"}
    assert values(scraped, renewed, "landed_position", "cleaned_position", "end_position") == [5, 5, 7]


def test_a_topic_that_connect_lands_has_no_end(prometheus: Prometheus) -> None:
    prometheus.collector(connect_topics="user")
    scraped = prometheus.scrape()
    assert scraped.value("source_up", source="kafka", name=TOPIC) is None
    assert scraped.value("source_up", source="kafka", name="u.pin") == 1
    assert not scraped.names(**OF_PARTITION)


def test_more_objects_than_are_counted_give_no_number_of_records(
    prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_OBJECTS", 1)
    for _ in range(2):
        prometheus.platform.topics.append(TOPIC, 0, b"{}")
        land(prometheus)
    scraped = prometheus.scrape()
    assert values(scraped, OF_PARTITION, "uncleaned_records", "landed_position") == [None, 2]


def test_a_broker_that_is_down_gives_no_end_and_no_lag(prometheus: Prometheus) -> None:
    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    land(prometheus)
    prometheus.platform.topics.down = True
    scraped = prometheus.scrape()
    assert ("kafka", TOPIC) in scraped.down()
    positions = {"landed_position", "cleaned_position", "uncleaned_records", "cleaning_lag_seconds"}
    assert scraped.names(**OF_PARTITION) == positions
    prometheus.platform.topics.down = False
    assert not prometheus.scrape().down()


def test_a_topic_without_known_retention_is_down(prometheus: Prometheus) -> None:
    prometheus.times.down = PermanentFailure("Refused.", "Ask.")
    scraped = prometheus.scrape()
    assert ("kafka", TOPIC) in scraped.down()
    assert scraped.value("end_position", **OF_PARTITION) is None


def test_a_table_that_cannot_be_read_gives_no_cleaned_position(prometheus: Prometheus) -> None:
    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    land(prometheus)
    prometheus.platform.lake.unreadable[CLEANED_TABLE] = PermanentFailure("It is damaged.", "Move it away.")
    scraped = prometheus.scrape()
    assert scraped.down() == {("positions", TOPIC)}
    assert scraped.value("landed_position", **OF_PARTITION) == 1
    assert not {"cleaned_position", "uncleaned_records", "cleaning_lag_seconds"} & scraped.names(**OF_PARTITION)


def test_a_streamed_table_that_cannot_be_read_gives_no_cleaned_position(prometheus: Prometheus) -> None:
    prometheus.platform.shards.put(STREAM, 0, b"{}")
    land_stream(prometheus.platform.shards, prometheus.platform.objects, STREAM)
    failure = PermanentFailure("It is damaged.", "Move it away.")
    prometheus.platform.lake.unreadable[CLEANED_STREAM_TABLE] = failure
    scraped = prometheus.scrape()
    assert scraped.down() == {("positions", STREAM)}
    assert scraped.value("landed_position", **OF_SHARD) == 1
    assert not {"cleaned_position", "uncleaned_records", "cleaning_lag_seconds"} & scraped.names(**OF_SHARD)


def test_damaged_objects_of_a_table_that_cannot_be_read_give_no_landed_position(prometheus: Prometheus) -> None:
    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    land(prometheus)
    prometheus.platform.lake.unreadable[CLEANED_TABLE] = PermanentFailure("It is damaged.", "Move it away.")
    prometheus.platform.objects.objects[f"topics/{TOPIC}/partition=0/{TOPIC}+0+{0:019d}.json"].metadata["end"] = "x"
    scraped = prometheus.scrape()
    assert scraped.down() == {("positions", TOPIC), ("objects", TOPIC)}
    assert scraped.value("landed_position", **OF_PARTITION) is None


def test_missing_objects_give_no_landed_position(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    for _ in range(3):
        platform.topics.append(TOPIC, 0, b"{}")
        land(prometheus)
    platform.lake.table_positions[CLEANED_TABLE] = {f"{TOPIC}/0": 0}
    platform.objects.delete([f"topics/{TOPIC}/partition=0/{TOPIC}+0+{1:019d}.json"])
    scraped = prometheus.scrape()
    assert scraped.down() == {("objects", TOPIC)}
    assert scraped.names(**OF_PARTITION) == {"end_position", "cleaned_position"}


def test_landed_and_cleaned_objects_of_a_shard(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    for _ in range(3):
        platform.shards.put(STREAM, 0, b"{}", b"{}")
        land_stream(platform.shards, platform.objects, STREAM)
    platform.lake.table_positions[CLEANED_STREAM_TABLE] = {f"{STREAM}/{SHARD}": 0}
    platform.shards.put(STREAM, 0, b"{}")
    platform.shards.advance(1)
    prometheus.now_ms = platform.shards.now_ms
    scraped = prometheus.scrape()
    assert not scraped.down()
    assert values(scraped, OF_SHARD, "landed_position", "cleaned_position", "uncleaned_records") == [3, 1, 4]
    assert values(scraped, OF_SHARD, *sorted(LAGS)) == [3600, 3600, DAY_MS / 1000 - 3600]
    assert values(scraped, OF_SHARD, "end_position", "unlanded_records") == [None, None]


def test_shards_that_are_landed_and_cleaned_to_their_end_are_left_out(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.shards.put(STREAM, 0, b"{}")
    platform.shards.split(STREAM, 0)
    land_stream(platform.shards, platform.objects, STREAM)
    assert prometheus.scrape().value("uncleaned_records", **OF_SHARD) == 1
    platform.lake.table_positions[CLEANED_STREAM_TABLE] = {f"{STREAM}/{SHARD}": 9}
    scraped = prometheus.scrape()
    assert not scraped.names(**OF_SHARD)
    assert scraped.value("landing_lag_seconds", **{**OF_SHARD, "partition": "shardId-000000000001"}) == 0


def test_a_stream_that_is_down_gives_no_lag(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.shards.put(STREAM, 0, b"{}")
    land_stream(platform.shards, platform.objects, STREAM)
    platform.shards.down = True
    scraped = prometheus.scrape()
    assert ("kinesis", STREAM) in scraped.down()
    assert not LAGS - {"cleaning_lag_seconds"} & scraped.names(**OF_SHARD)
    assert scraped.value("landed_position", **OF_SHARD) == 1
