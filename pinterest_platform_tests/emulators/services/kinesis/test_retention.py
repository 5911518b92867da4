"""Retention: expired records are invisible at once, and soon removed from disk."""

import sqlite3
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pinterest_platform_tests.emulators.services.kinesis.reading import (
    code,
    create,
    data,
    drain,
    iterator,
    open_shards,
    read_shard,
    shards,
    wait_active,
)
from pinterest_platform_tests.emulators.services.kinesis.server import Server

ONLY = "shardId-000000000000"
HOUR = 3600


@pytest.fixture
def server(new_server: Any) -> Server:
    """A server that removes nothing from disk meanwhile: only visibility is tested."""
    return new_server("--controls", "--sweep-seconds", "1000")


def put(server: Server, name: str, *texts: str) -> list[str]:
    responses = [server.client.put_record(StreamName=name, Data=text.encode(), PartitionKey="k") for text in texts]
    return [response["SequenceNumber"] for response in responses]


def test_records_out_of_retention_are_trimmed(server: Server) -> None:
    name = create(server.client, "s")
    old = put(server, name, "a", "b")
    server.advance(20 * HOUR)
    put(server, name, "c")
    token = iterator(server.client, name, ONLY)
    assert data(drain(server.client, token)[0]) == [b"a", b"b", b"c"]
    server.advance(5 * HOUR)
    assert data(read_shard(server.client, name, ONLY)) == [b"c"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        token = iterator(server.client, name, ONLY, kind, StartingSequenceNumber=old[0])
        assert data(drain(server.client, token)[0]) == [b"c"]
    server.advance(20 * HOUR)
    records, last = drain(server.client, iterator(server.client, name, ONLY))
    assert (records, last["MillisBehindLatest"]) == ([], 0)
    assert last["NextShardIterator"]


def test_a_longer_retention_keeps_more_but_restores_nothing(server: Server) -> None:
    name = create(server.client, "s")
    put(server, name, "a")
    server.advance(20 * HOUR)
    put(server, name, "b")
    server.advance(5 * HOUR)
    server.client.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    wait_active(server.client, name)
    summary = server.client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 48
    server.advance(10 * HOUR)
    assert data(read_shard(server.client, name, ONLY)) == [b"b"]
    server.client.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=24)
    wait_active(server.client, name)
    put(server, name, "c")
    server.advance(10 * HOUR)
    assert data(read_shard(server.client, name, ONLY)) == [b"c"]


@pytest.mark.parametrize(
    ("operation", "hours"),
    [
        ("increase_stream_retention_period", 8761),
        ("increase_stream_retention_period", 12),
        ("decrease_stream_retention_period", 23),
        ("decrease_stream_retention_period", 48),
    ],
)
def test_retention_has_bounds(endpoint: Any, new_stream: Any, operation: str, hours: int) -> None:
    with pytest.raises(ClientError) as error:
        getattr(endpoint, operation)(StreamName=new_stream(), RetentionPeriodHours=hours)
    assert code(error) == "InvalidArgumentException"


def test_shards_closed_before_the_retention_period_are_gone(server: Server) -> None:
    name = create(server.client, "s")
    put(server, name, "a")
    server.client.split_shard(StreamName=name, ShardToSplit=ONLY, NewStartingHashKey=str(2**127))
    wait_active(server.client, name)
    server.advance(25 * HOUR)
    assert [shard["ShardId"] for shard in shards(server.client, name)] == [
        shard["ShardId"] for shard in open_shards(server.client, name)
    ]
    with pytest.raises(ClientError) as error:
        iterator(server.client, name, ONLY)
    assert code(error) == "ResourceNotFoundException"


def test_expired_records_are_removed_from_disk_and_numbers_continue(new_server: Any) -> None:
    flags = ("--controls", "--sweep-seconds", "0.05")
    server = new_server(*flags)
    name, other = create(server.client, "s"), create(server.client, "other")
    entries = [{"Data": b"x", "PartitionKey": "k"}] * 500
    for stream in (name, other):
        for _ in range(10):
            last = server.client.put_records(StreamName=stream, Records=entries)["Records"][-1]["SequenceNumber"]
            if stream == name:
                number = last
    server.client.delete_stream(StreamName=other)
    server.advance(25 * HOUR)
    create(server.client, "third")
    deadline = time.monotonic() + 20
    while True:
        time.sleep(0.2)
        server.stop()
        with sqlite3.connect(server.data / "kinesis.sqlite") as database:
            (remaining,) = database.execute("SELECT count(*) FROM records").fetchone()
            (dropped,) = database.execute("SELECT count(*) FROM shards WHERE stream IS NULL").fetchone()
        database.close()
        server.start()
        if (remaining, dropped) == (0, 0):
            break
        assert time.monotonic() < deadline, f"{remaining} records and {dropped} shards remain"
    assert int(put(server, name, "after")[0]) > int(number)
    assert data(read_shard(server.client, name, ONLY)) == [b"after"]
    token = iterator(server.client, name, ONLY, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert data(drain(server.client, token)[0]) == [b"after"]
