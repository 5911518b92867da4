"""The contract of a ShardLog: the same suite on the fake and, through boto3, on a Kinesis server."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Record, ShardLog
from pinterest_platform.settings import Settings
from pinterest_platform.testing import FakeShardLog
from pinterest_platform_tests.emulators.services.kinesis import reading
from pinterest_platform_tests.emulators.services.kinesis.server import Server


class Service(Protocol):
    """The operations of the suite on a stream of two shards."""

    log: ShardLog
    stream: str

    def put(self, shard: int, *values: bytes) -> None: ...

    def split(self, shard: int) -> None: ...

    def merge(self, first: int, second: int) -> None: ...

    def advance(self, hours: float) -> None: ...

    def remake(self) -> None: ...


class FakeService:
    stream = "streaming-u-pin"

    def __init__(self) -> None:
        self.log = FakeShardLog(batch_records=1000)
        self.log.create(self.stream, 2)

    def put(self, shard: int, *values: bytes) -> None:
        self.log.put(self.stream, shard, *values)

    def split(self, shard: int) -> None:
        self.log.split(self.stream, shard)

    def merge(self, first: int, second: int) -> None:
        self.log.merge(self.stream, first, second)

    def advance(self, hours: float) -> None:
        self.log.advance(hours)

    def remake(self) -> None:
        self.log.delete(self.stream)
        self.log.create(self.stream, 2)


class KinesisService:
    stream = "streaming-u-pin"

    def __init__(self, server: Server, settings: Settings) -> None:
        from pinterest_platform.adapters.kinesis import KinesisShardLog

        self.server, self.client = server, server.client
        self.log = KinesisShardLog(settings)
        self._create()

    def put(self, shard: int, *values: bytes) -> None:
        hash_key = self._shard(shard)["HashKeyRange"]["StartingHashKey"]
        for first in range(0, len(values), 500):
            entries = [
                {"Data": value, "PartitionKey": "k", "ExplicitHashKey": hash_key}
                for value in values[first : first + 500]
            ]
            assert self.client.put_records(StreamName=self.stream, Records=entries)["FailedRecordCount"] == 0

    def split(self, shard: int) -> None:
        description = self._shard(shard)
        low, high = (int(description["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
        self.client.split_shard(
            StreamName=self.stream, ShardToSplit=description["ShardId"], NewStartingHashKey=str((low + high) // 2)
        )
        reading.wait_active(self.client, self.stream)

    def merge(self, first: int, second: int) -> None:
        names = [self._shard(number)["ShardId"] for number in (first, second)]
        self.client.merge_shards(StreamName=self.stream, ShardToMerge=names[0], AdjacentShardToMerge=names[1])
        reading.wait_active(self.client, self.stream)

    def advance(self, hours: float) -> None:
        self.server.advance(hours * 3600)

    def remake(self) -> None:
        self.client.delete_stream(StreamName=self.stream)
        reading.wait_gone(self.client, self.stream)
        self._create()

    def _create(self) -> None:
        self.client.create_stream(StreamName=self.stream, ShardCount=2, Tags={"epoch": f"e/{time.monotonic_ns()}"})
        reading.wait_active(self.client, self.stream)

    def _shard(self, number: int) -> dict[str, Any]:
        return next(
            shard for shard in reading.shards(self.client, self.stream) if shard["ShardId"] == f"shardId-{number:012d}"
        )


def settings_for(server: Server, monkeypatch: pytest.MonkeyPatch, **others: Any) -> Settings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Settings(KAFKA_BOOTSTRAP_SERVERS="localhost:1", AWS_ENDPOINT_URL_KINESIS=server.url, **others)


@pytest.fixture(params=["fake", "kinesis"])
def service(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    if request.param == "fake":
        yield FakeService()
        return
    server = Server(tmp_path / "kinesis", "--controls").start()
    try:
        yield KinesisService(server, settings_for(server, monkeypatch))
    finally:
        server.stop()


def read(service: Service, shard: int, after: int | None = None, most: int = 10_000) -> tuple[list[Record], bool]:
    """Records up to the tip or the shard's end, and whether it ended."""
    records: list[Record] = []
    for batch in service.log.read(service.stream, f"shardId-{shard:012d}", after, most):
        assert len(batch.records) <= most
        records += batch.records
        if batch.ended or batch.behind_ms == 0:
            return records, batch.ended
    raise AssertionError("an open shard's reader ended")


def data(service: Service, shard: int, after: int | None = None) -> list[bytes | None]:
    return [record.value for record in read(service, shard, after)[0]]


def test_a_stream_is_described_with_its_shards_epoch_retention_and_time(service):
    state = service.log.describe(service.stream)
    assert state.stream == service.stream and state.epoch == service.log.epoch(service.stream) != ""
    assert "/" not in state.epoch and state.retention_ms == 24 * 3_600_000
    assert [(shard.shard_id, shard.parents, shard.end) for shard in state.shards] == [
        ("shardId-000000000000", (), None),
        ("shardId-000000000001", (), None),
    ]
    service.put(0, b"a")
    ((record,), _) = read(service, 0)
    assert state.shards[0].start < record.position
    assert abs(record.timestamp_ms - state.now_ms) < 60_000


def test_records_are_in_order_with_sequence_number_time_and_bytes(service):
    service.put(0, b"a", b"\x00\xff", b"c" * 100_000)
    service.put(1, b"other")
    records, ended = read(service, 0)
    assert [record.value for record in records] == [b"a", b"\x00\xff", b"c" * 100_000] and not ended
    numbers, times = [record.position for record in records], [record.timestamp_ms for record in records]
    assert numbers == sorted(set(numbers)) and times == sorted(times)


def test_an_empty_shard_is_at_its_tip(service):
    assert read(service, 0) == ([], False)


def test_reading_continues_after_any_record(service):
    service.put(0, *[b"%d" % number for number in range(10)])
    records, _ = read(service, 0)
    for index in (0, 4, 9):
        assert data(service, 0, records[index].position) == [record.value for record in records[index + 1 :]]


def test_many_records_are_read_once_in_batches_of_the_requested_size(service):
    service.put(0, *[b"%d" % number for number in range(2500)])
    assert data(service, 0) == [b"%d" % number for number in range(2500)]
    assert [record.value for record in read(service, 0, most=700)[0]] == [b"%d" % number for number in range(2500)]


def test_a_reader_at_the_tip_reads_later_records(service):
    batches = service.log.read(service.stream, "shardId-000000000000", None)
    assert [record.value for record in next(batches).records] == []
    service.put(0, b"late")
    assert [record.value for record in next(batches).records] == [b"late"]
    batches.close()


def test_a_split_shard_ends_and_is_the_parent_of_its_children(service):
    service.put(0, b"a", b"b")
    service.split(0)
    service.put(2, b"c")
    state = service.log.describe(service.stream)
    by_id = {shard.shard_id: shard for shard in state.shards}
    assert [by_id[f"shardId-{child:012d}"].parents for child in (2, 3)] == [("shardId-000000000000",)] * 2
    records, ended = read(service, 0)
    assert [record.value for record in records] == [b"a", b"b"] and ended
    end = by_id["shardId-000000000000"].end
    assert end is not None and end > records[-1].position
    assert read(service, 0, records[-1].position) == ([], True)
    ((child,), _) = read(service, 2)
    assert by_id["shardId-000000000002"].start < child.position and child.position > end


def test_a_merged_shard_has_both_parents(service):
    service.merge(0, 1)
    shard = service.log.describe(service.stream).shards[-1]
    assert sorted(shard.parents) == ["shardId-000000000000", "shardId-000000000001"]
    assert read(service, 0) == ([], True)


def test_expired_records_are_skipped_and_expired_shards_are_not_listed(service):
    service.put(0, b"old")
    ((old,), _) = read(service, 0)
    service.put(0, b"old, too")
    service.split(1)
    service.advance(25)
    service.put(0, b"new")
    assert data(service, 0) == [b"new"] and data(service, 0, old.position) == [b"new"]
    assert [shard.shard_id[-1] for shard in service.log.describe(service.stream).shards] == ["0", "2", "3"]
    with pytest.raises(PermanentFailure, match="shardId-000000000001"):
        read(service, 1)


def test_a_recreated_stream_has_another_epoch_and_refuses_positions_of_the_old_one(service):
    service.put(0, b"a")
    ((record,), _) = read(service, 0)
    before = service.log.epoch(service.stream)
    service.remake()
    service.put(0, b"b")
    assert service.log.epoch(service.stream) != before
    assert service.log.describe(service.stream).epoch == service.log.epoch(service.stream)
    with pytest.raises(PermanentFailure):
        read(service, 0, record.position)
    assert data(service, 0) == [b"b"]


def test_a_missing_stream_and_a_missing_shard_are_named(service):
    for call in (service.log.describe, service.log.epoch):
        with pytest.raises(PermanentFailure, match="no-such-stream"):
            call("no-such-stream")
    with pytest.raises(PermanentFailure, match="shardId-000000000009"):
        read(service, 9)
