"""Splits, merges and scaling: lineage, closed shards, and no record lost or duplicated across them."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pinterest_platform_tests.emulators.services.kinesis.reading import (
    code,
    data,
    drain,
    iterator,
    open_shards,
    read_shard,
    read_stream,
    shards,
    wait_active,
)

FIRST = "shardId-000000000000"
HALF = str(2**127)


def split(client: Any, name: str, shard: dict[str, Any]) -> None:
    low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
    middle = str((low + high) // 2)
    client.split_shard(StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)
    wait_active(client, name)


def merge(client: Any, name: str, left: dict[str, Any], right: dict[str, Any]) -> None:
    client.merge_shards(StreamName=name, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"])
    wait_active(client, name)


def put(client: Any, name: str, text: str, hash_key: str = "0") -> tuple[str, int]:
    response = client.put_record(StreamName=name, Data=text.encode(), PartitionKey="k", ExplicitHashKey=hash_key)
    return response["ShardId"], int(response["SequenceNumber"])


def test_a_split_closes_the_parent_and_numbers_its_children_above_it(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    _, before = put(endpoint, name, "a")
    endpoint.split_shard(StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=HALF)
    status = endpoint.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
    assert status == "UPDATING"
    with pytest.raises(ClientError) as error:
        endpoint.split_shard(StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=HALF)
    assert code(error) == "ResourceInUseException"
    wait_active(endpoint, name)

    parent, low, high = shards(endpoint, name)
    end = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    assert end > before
    for child in (low, high):
        assert child["ParentShardId"] == FIRST
        assert int(child["SequenceNumberRange"]["StartingSequenceNumber"]) > end
    assert low["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**127 - 1)}
    assert high["HashKeyRange"] == {"StartingHashKey": HALF, "EndingHashKey": str(2**128 - 1)}
    shard_id, number = put(endpoint, name, "b")
    assert (shard_id, number > end) == (low["ShardId"], True)
    assert put(endpoint, name, "c", HALF)[0] == high["ShardId"]
    with pytest.raises(ClientError) as error:
        endpoint.split_shard(StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=HALF)
    assert code(error) == "InvalidArgumentException"


def test_a_closed_shard_ends_without_iterator_and_names_its_children(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    put(endpoint, name, "a")
    number = str(put(endpoint, name, "b")[1])
    waiting = iterator(endpoint, name, FIRST, "LATEST")
    split(endpoint, name, shards(endpoint, name)[0])
    ending = shards(endpoint, name)[0]["SequenceNumberRange"]["EndingSequenceNumber"]

    partly = endpoint.get_records(ShardIterator=iterator(endpoint, name, FIRST), Limit=1)
    assert data(partly["Records"]) == [b"a"]
    assert "ChildShards" not in partly
    records, last = drain(endpoint, partly["NextShardIterator"])
    assert data(records) == [b"b"]
    for token in (
        waiting,
        iterator(endpoint, name, FIRST, "LATEST"),
        iterator(endpoint, name, FIRST, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number),
        iterator(endpoint, name, FIRST, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=ending),
    ):
        response = endpoint.get_records(ShardIterator=token)
        assert (response["Records"], response["MillisBehindLatest"]) == ([], 0)
        assert response["ChildShards"] == last["ChildShards"]
        assert response.get("NextShardIterator") is None
    assert last.get("NextShardIterator") is None
    assert [child["ParentShards"] for child in last["ChildShards"]] == [[FIRST], [FIRST]]
    assert [child["ShardId"] for child in last["ChildShards"]] == [
        shard["ShardId"] for shard in open_shards(endpoint, name)
    ]


def test_a_merge_has_two_parents(endpoint: Any, new_stream: Any) -> None:
    name = new_stream(3)
    left, middle, right = open_shards(endpoint, name)
    with pytest.raises(ClientError) as error:
        merge(endpoint, name, left, right)
    assert code(error) == "InvalidArgumentException"
    put(endpoint, name, "a")
    merge(endpoint, name, left, middle)
    child = shards(endpoint, name)[-1]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (left["ShardId"], middle["ShardId"])
    assert child["HashKeyRange"]["StartingHashKey"] == "0"
    assert child["HashKeyRange"]["EndingHashKey"] == middle["HashKeyRange"]["EndingHashKey"]
    assert put(endpoint, name, "b")[0] == child["ShardId"]
    assert data(read_stream(endpoint, name)) == [b"a", b"b"]


def test_a_split_point_must_be_inside_the_range(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    for key in ("0", "1", str(2**128 - 1)):
        with pytest.raises(ClientError) as error:
            endpoint.split_shard(StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=key)
        assert code(error) == "InvalidArgumentException"
    with pytest.raises(ClientError) as error:
        endpoint.split_shard(StreamName=name, ShardToSplit="shardId-000000000005", NewStartingHashKey=HALF)
    assert code(error) == "ResourceNotFoundException"


@pytest.mark.parametrize(("present", "target"), [(2, 4), (3, 5), (5, 3), (4, 2), (3, 3)])
def test_scaling_ends_in_even_shards(endpoint: Any, new_stream: Any, present: int, target: int) -> None:
    name = new_stream(present)
    put(endpoint, name, "a")
    response = endpoint.update_shard_count(StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    assert (response["CurrentShardCount"], response["TargetShardCount"]) == (present, target)
    wait_active(endpoint, name)
    starts = [int(shard["HashKeyRange"]["StartingHashKey"]) for shard in open_shards(endpoint, name)]
    assert starts == [2**128 // target * index for index in range(target)]
    put(endpoint, name, "b")
    assert data(read_stream(endpoint, name)) == [b"a", b"b"]


def test_scaling_is_at_most_double_and_at_least_half(endpoint: Any, new_stream: Any) -> None:
    name = new_stream(4)
    for target in (1, 9):
        with pytest.raises(ClientError) as error:
            endpoint.update_shard_count(StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        assert code(error) == "LimitExceededException"


def test_shards_are_listed_in_pages_and_by_filter(endpoint: Any, new_stream: Any) -> None:
    name = new_stream(2)
    split(endpoint, name, open_shards(endpoint, name)[0])
    everything = [shard["ShardId"] for shard in shards(endpoint, name)]
    assert len(everything) == 4

    page = endpoint.list_shards(StreamName=name, MaxResults=3)
    next_page = endpoint.list_shards(NextToken=page["NextToken"])
    assert [shard["ShardId"] for shard in page["Shards"] + next_page["Shards"]] == everything
    assert "NextToken" not in next_page
    with pytest.raises(ClientError) as error:
        endpoint.list_shards(StreamName=name, NextToken=page["NextToken"])
    assert code(error) == "InvalidArgumentException"

    def listed(**filter_: Any) -> list[str]:
        return [shard["ShardId"] for shard in endpoint.list_shards(StreamName=name, ShardFilter=filter_)["Shards"]]

    assert listed(Type="FROM_TRIM_HORIZON") == everything
    assert listed(Type="AT_TRIM_HORIZON") == everything[:2]
    assert listed(Type="AT_LATEST") == everything[1:]
    assert listed(Type="AFTER_SHARD_ID", ShardId=everything[1]) == everything[2:]
    described = endpoint.describe_stream(StreamName=name, Limit=3)["StreamDescription"]
    assert described["HasMoreShards"]
    after = described["Shards"][-1]["ShardId"]
    next_page = endpoint.describe_stream(StreamName=name, ExclusiveStartShardId=after)["StreamDescription"]
    assert [shard["ShardId"] for shard in described["Shards"] + next_page["Shards"]] == everything


def test_resharding_under_load_loses_and_duplicates_nothing(endpoint: Any, new_stream: Any) -> None:
    """Four writers, each with its own key, while shards split, merge and scale."""
    name = new_stream(2)
    accepted: list[list[bytes]] = [[] for _ in range(4)]
    stop = threading.Event()

    def write(writer: int) -> None:
        batch = 0
        while not stop.is_set():
            texts = [b"%d/%d" % (writer, batch * 20 + n) for n in range(20)]
            entries = [{"Data": text, "PartitionKey": f"key {writer}"} for text in texts]
            assert endpoint.put_records(StreamName=name, Records=entries)["FailedRecordCount"] == 0
            accepted[writer] += texts
            batch += 1

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            split(endpoint, name, open_shards(endpoint, name)[-1])
            split(endpoint, name, open_shards(endpoint, name)[0])
            merge(endpoint, name, *open_shards(endpoint, name)[1:3])
            endpoint.update_shard_count(StreamName=name, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
            wait_active(endpoint, name)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    read = data(read_stream(endpoint, name))
    assert len(read) == sum(map(len, accepted))
    for writer, texts in enumerate(accepted):
        assert texts
        assert [text for text in read if text.startswith(b"%d/" % writer)] == texts


def test_children_are_found_from_the_answers(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    for index in range(4):
        put(endpoint, name, str(index))
        split(endpoint, name, open_shards(endpoint, name)[0])
    put(endpoint, name, "4")
    texts: list[bytes] = []
    queue, visited = [FIRST], set[str]()
    while queue:
        shard = queue.pop(0)
        assert shard not in visited
        visited.add(shard)
        records, last = drain(endpoint, iterator(endpoint, name, shard))
        texts += data(records)
        queue += [child["ShardId"] for child in last.get("ChildShards", [])]
    assert texts == [b"0", b"1", b"2", b"3", b"4"]
    assert visited == {shard["ShardId"] for shard in shards(endpoint, name)}
    assert read_shard(endpoint, name, FIRST)[0]["Data"] == b"0"
