"""Random puts, splits, merges, scalings, sweeps and restarts compared with a plain list."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from emulators.services.kinesis.app import operations
from emulators.services.kinesis.core import Core, open_core
from emulators.services.kinesis.model import HASH_KEYS
from emulators.services.kinesis.options import Options
from emulators.services.kinesis.parameters import Parameters
from emulators.services.kinesis.sweeping import sweep

NAME = "stream"
DAY = 24 * 3600 * 1000
START = 1_800_000_000_000


class StreamMachine(RuleBasedStateMachine):
    """A stream as one list of (arrival, partition key, sequence number, shard); the server runs in this process."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.core: Core = self.open()
        self.put_records: list[tuple[int, str, int, str]] = []
        self.call("CreateStream", StreamName=NAME, ShardCount=2)

    def open(self) -> Core:
        core = open_core(Options(Path(self.folder.name), transition_ms=0), machine=lambda: START)
        self.operations = operations(core)
        return core

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        response = self.operations[operation](Parameters(parameters)) or {}
        self.core.journal.commit()
        return response

    def open_shards(self) -> list[dict[str, Any]]:
        shards = self.call("ListShards", StreamName=NAME, ShardFilter={"Type": "AT_LATEST"})["Shards"]
        return sorted(shards, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    @rule(keys=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6))
    def put(self, keys: list[str]) -> None:
        entries = [{"Data": "", "PartitionKey": key} for key in keys]
        for key, result in zip(keys, self.call("PutRecords", StreamName=NAME, Records=entries)["Records"], strict=True):
            self.put_records.append((self.core.clock.now_ms(), key, int(result["SequenceNumber"]), result["ShardId"]))

    @precondition(lambda self: len(self.open_shards()) < 8)
    @rule(choice=st.randoms(use_true_random=False))
    def split(self, choice: Any) -> None:
        shard = choice.choice(self.open_shards())
        low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
        if high - low < 3:
            return
        key = str(choice.randint(low + 2, high - 1))
        self.call("SplitShard", StreamName=NAME, ShardToSplit=shard["ShardId"], NewStartingHashKey=key)

    @precondition(lambda self: len(self.open_shards()) > 1)
    @rule(choice=st.randoms(use_true_random=False), turned=st.booleans())
    def merge(self, choice: Any, turned: bool) -> None:
        shards = self.open_shards()
        index = choice.randrange(len(shards) - 1)
        pair = [shard["ShardId"] for shard in shards[index : index + 2]]
        left, right = reversed(pair) if turned else pair
        self.call("MergeShards", StreamName=NAME, ShardToMerge=left, AdjacentShardToMerge=right)

    @rule(choice=st.randoms(use_true_random=False))
    def scale(self, choice: Any) -> None:
        present = len(self.open_shards())
        target = choice.randint((present + 1) // 2, min(8, present * 2))
        self.call("UpdateShardCount", StreamName=NAME, TargetShardCount=target, ScalingType="UNIFORM_SCALING")

    @rule(hours=st.integers(1, 12))
    def wait(self, hours: int) -> None:
        self.core.advance_clock(hours * 3_600_000)

    @rule()
    def restart(self) -> None:
        self.core.journal.close()
        self.core = self.open()

    @rule()
    def sweep(self) -> None:
        asyncio.run(sweep(self.core))

    @invariant()
    def open_shards_cover_every_hash_key_once(self) -> None:
        ranges = [shard["HashKeyRange"] for shard in self.open_shards()]
        starts = [int(bounds["StartingHashKey"]) for bounds in ranges]
        assert [0, *(int(bounds["EndingHashKey"]) + 1 for bounds in ranges)] == [*starts, HASH_KEYS]

    @invariant()
    def every_retained_record_is_read_once_parents_first(self) -> None:
        read: list[tuple[str, int, str]] = []
        ended: dict[str, int] = {}
        for shard in self.call("ListShards", StreamName=NAME)["Shards"]:
            name, numbers = shard["ShardId"], shard["SequenceNumberRange"]
            for parent in (shard.get("ParentShardId"), shard.get("AdjacentParentShardId")):
                assert ended.get(parent or "", 0) < int(numbers["StartingSequenceNumber"])
            ended[name] = int(numbers.get("EndingSequenceNumber", 0))
            read += [(record["PartitionKey"], int(record["SequenceNumber"]), name) for record in self.read(name)]
        horizon = self.core.clock.now_ms() - DAY
        retained = [(key, number, shard) for at, key, number, shard in self.put_records if at >= horizon]
        assert sorted(read) == sorted(retained)
        for key in "abcdefgh":
            numbers = [number for other, number, _ in read if other == key]
            assert numbers == [number for other, number, _ in retained if other == key]
            assert numbers == sorted(set(numbers))

    def read(self, shard: str) -> list[dict[str, Any]]:
        token = self.call("GetShardIterator", StreamName=NAME, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records: list[dict[str, Any]] = []
        following = token["ShardIterator"]
        while following is not None:
            response = self.call("GetRecords", ShardIterator=following, Limit=3)
            records += response["Records"]
            following = response["NextShardIterator"]
            if response["MillisBehindLatest"] == 0:
                break
        return records

    def teardown(self) -> None:
        self.core.journal.close()
        self.folder.cleanup()


StreamMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
test_stream_against_a_list = StreamMachine.TestCase
