"""Landing from a Kinesis server into the real S3 server, with killed processes and a faulty service."""

import json
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pinterest_platform.adapters.kinesis import KinesisShardLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import PIN
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.lag import stream_lag
from pinterest_platform.landing.kinesis.ledger import audit
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.settings import Settings, load
from pinterest_platform_tests.emulators.services.kinesis import reading
from pinterest_platform_tests.emulators.services.kinesis.server import Server
from pinterest_platform_tests.landing.kinesis.invariants import filled, landed_shards
from pinterest_platform_tests.landing.kinesis.processes import CONTEXT, drain

OBJECT_BYTES = 60_000
Outcomes = dict[str, dict[int, str]]


class Stream:
    """A stream on a server of its own, and the expected outcome of each accepted record."""

    def __init__(self, server: Server, settings: Settings, shards: int) -> None:
        self.server, self.client, self.settings = server, server.client, settings
        self.name = settings.names.stream(PIN)
        self.log, self.store = KinesisShardLog(settings), S3ObjectStore(settings)
        self.expected: Outcomes = {}
        self.accepted = 0
        self.create(shards)

    def create(self, shards: int) -> None:
        self.client.create_stream(StreamName=self.name, ShardCount=shards, Tags={"epoch": f"e{random.random()}"})
        reading.wait_active(self.client, self.name)

    def put(self, count: int, junk_every: int = 0) -> None:
        """Put records into all shards, and retry those that the server refused."""
        values: list[bytes] = []
        for number in range(self.accepted, self.accepted + count):
            junk = junk_every and number % junk_every == 0
            values.append(b"junk %d" % number if junk else json.dumps({"index": number, "pad": "x" * 250}).encode())
        self.accepted += count
        while values:
            some, values = values[:500], values[500:]
            entries = [{"Data": value, "PartitionKey": value[:24].decode()} for value in some]
            results = self.client.put_records(StreamName=self.name, Records=entries)["Records"]
            for value, result in zip(some, results, strict=True):
                if "ErrorCode" in result:
                    values.append(value)
                    continue
                kind = "quarantine" if value.startswith(b"junk") else "record"
                self.expected.setdefault(result["ShardId"], {})[int(result["SequenceNumber"])] = kind

    def reshard(self, chance: random.Random) -> None:
        """Split a shard, or merge two neighbours."""
        shards = reading.open_shards(self.client, self.name)
        if len(shards) < 3 or (len(shards) < 6 and chance.random() < 0.5):
            shard = chance.choice(shards)
            low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
            self.client.split_shard(
                StreamName=self.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2)
            )
        else:
            place = chance.randrange(len(shards) - 1)
            self.client.merge_shards(
                StreamName=self.name,
                ShardToMerge=shards[place]["ShardId"],
                AdjacentShardToMerge=shards[place + 1]["ShardId"],
            )
        reading.wait_active(self.client, self.name)

    def start(self, object_bytes: int = OBJECT_BYTES, ready: object = None) -> Any:
        names = ("KAFKA_", "AWS_", "PINTEREST_")
        environment = {name: value for name, value in os.environ.items() if name.startswith(names)}
        process = CONTEXT.Process(target=drain, args=(environment, self.name, object_bytes, ready))
        process.start()
        return process

    def drain(self) -> int:
        resume, records = None, 0
        while not (last := land_stream(self.log, self.store, self.name, StreamOptions(resume=resume))).idle:
            resume, records = last.resume, records + last.records
        return records

    def assert_landed_once(self) -> None:
        assert filled(landed_shards(self.store, self.name)) == dict(sorted(self.expected.items()))
        ledgers = audit(self.log, self.store, self.name)
        assert [problem for ledger in ledgers for problem in ledger.problems] == []
        assert sum(ledger.recounted for ledger in ledgers) == self.accepted
        assert sum(ledger.records + ledger.quarantined for ledger in ledgers) == self.accepted


@pytest.fixture
def stream(tenant: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    server = Server(tmp_path / "kinesis", "--controls").start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", server.url)
    try:
        yield Stream(server, load(), 2)
    finally:
        server.stop()


def test_each_record_is_landed_once_after_drains_killed_during_resharding_and_throttling(stream):
    chance = random.Random(20240301)
    stream.server.control(
        "/_faults",
        {
            "seed": 1, "throttle": 0.05, "expire_iterators": 0.1, "errors": 0.03, "slow": 0.05, "slow_seconds": 0.05,
            "operations": ["GetRecords", "GetShardIterator", "ListTagsForStream"],
        },
    )  # fmt: skip
    survivors = 0
    for turn in range(10):
        stream.put(1000, junk_every=97)
        process = stream.start()
        process.join(chance.uniform(0.05, 0.4))
        if turn % 2:
            stream.reshard(chance)
            stream.put(200)
        process.join(chance.uniform(0.05, 0.8))
        survivors += process.exitcode is not None
        process.kill()
        process.join()
    assert survivors < 10
    stream.drain()
    stream.assert_landed_once()


def test_concurrent_drains_land_each_record_once_while_more_arrive(stream):
    stream.put(3000, junk_every=50)
    ready = CONTEXT.Barrier(4)
    processes = [stream.start(size, ready) for size in (OBJECT_BYTES, OBJECT_BYTES, 40_000)]
    ready.wait(60)
    arriving = threading.Thread(target=stream.put, args=(2000,))
    arriving.start()
    stream.reshard(random.Random(3))
    arriving.join()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    stream.drain()
    stream.assert_landed_once()
    assert stream.drain() == 0 and not stream_lag(stream.log, stream.store, stream.name).pending


def test_landing_continues_after_a_restart_of_the_server(stream):
    stream.put(500)
    last = land_stream(stream.log, stream.store, stream.name)
    stream.put(500)
    stream.server.kill()
    stream.server.flags += ("--port", stream.server.url.rpartition(":")[2])
    stream.server.start()
    assert land_stream(stream.log, stream.store, stream.name, StreamOptions(resume=last.resume)).records == 500
    stream.assert_landed_once()


def test_a_recreated_stream_is_detected_and_can_be_landed_next_to_the_old_one(stream):
    stream.put(300)
    old = land_stream(stream.log, stream.store, stream.name)
    stream.client.delete_stream(StreamName=stream.name)
    reading.wait_gone(stream.client, stream.name)
    with pytest.raises(PermanentFailure, match=f"no stream {stream.name}"):
        land_stream(stream.log, stream.store, stream.name)
    stream.create(2)
    stream.expected = {}
    stream.put(400)
    with pytest.raises(PermanentFailure, match=str(old.epoch)):
        land_stream(stream.log, stream.store, stream.name, StreamOptions(resume=old.resume))
    landed = land_stream(stream.log, stream.store, stream.name, StreamOptions(new_epoch="land"))
    assert landed.records == 400
    assert landed_shards(stream.store, stream.name, landed.epoch) == dict(sorted(stream.expected.items()))
    applied = positions_after(pending_segments(stream.store, stream.name, {}))
    assert len(applied) == 4 and sum("/epoch=" in app_id for app_id in applied) == 2
    assert all(ledger.is_complete for ledger in audit(stream.log, stream.store, stream.name))


def test_records_expired_before_landing_are_an_error(stream):
    stream.put(300)
    land_stream(stream.log, stream.store, stream.name)
    stream.put(300)
    stream.server.advance(25 * 3600)
    stream.put(1)
    # The server's records have its advanced clock, and its responses the date of this machine.
    options = StreamOptions(max_clock_skew_seconds=26 * 3600)
    with pytest.raises(PermanentFailure, match=r"possibly lost: records that arrived between .* have expired"):
        land_stream(stream.log, stream.store, stream.name, options)
