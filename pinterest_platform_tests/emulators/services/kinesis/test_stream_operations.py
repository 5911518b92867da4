"""Streams: create, describe, list, tag, delete."""

import itertools
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pinterest_platform_tests.emulators.services.kinesis.reading import (
    code,
    create,
    data,
    iterator,
    read_shard,
    shards,
    wait_active,
    wait_gone,
)


def test_a_new_stream_is_creating_then_active_with_even_shards(endpoint: Any) -> None:
    name = f"new-{uuid.uuid4().hex}"
    endpoint.create_stream(StreamName=name, ShardCount=3, Tags={"epoch": "7"})
    first = endpoint.describe_stream(StreamName=name)["StreamDescription"]
    assert first["StreamStatus"] == "CREATING"
    wait_active(endpoint, name)
    described = endpoint.describe_stream(StreamName=name)["StreamDescription"]
    assert described["RetentionPeriodHours"] == 24
    assert described["StreamARN"].endswith(f":stream/{name}")
    assert described["StreamCreationTimestamp"] == first["StreamCreationTimestamp"]
    assert not described["HasMoreShards"]
    ranges = [shard["HashKeyRange"] for shard in described["Shards"]]
    assert [shard["ShardId"] for shard in described["Shards"]] == [f"shardId-{n:012d}" for n in range(3)]
    assert ranges[0]["StartingHashKey"] == "0"
    assert ranges[-1]["EndingHashKey"] == str(2**128 - 1)
    for left, right in itertools.pairwise(ranges):
        assert int(left["EndingHashKey"]) + 1 == int(right["StartingHashKey"])
    assert endpoint.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "epoch", "Value": "7"}]
    endpoint.delete_stream(StreamName=name)


def test_a_stream_can_be_named_by_its_arn(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    arn = endpoint.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    assert endpoint.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]["StreamName"] == name


def test_a_name_can_be_used_only_once(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    with pytest.raises(ClientError) as error:
        endpoint.create_stream(StreamName=name, ShardCount=1)
    assert code(error) == "ResourceInUseException"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("describe_stream", {}),
        ("describe_stream_summary", {}),
        ("delete_stream", {}),
        ("list_shards", {}),
        ("list_tags_for_stream", {}),
        ("put_record", {"Data": b"x", "PartitionKey": "k"}),
        ("put_records", {"Records": [{"Data": b"x", "PartitionKey": "k"}]}),
        ("get_shard_iterator", {"ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}),
        ("increase_stream_retention_period", {"RetentionPeriodHours": 48}),
    ],
)
def test_an_unknown_stream_is_not_found(endpoint: Any, operation: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        getattr(endpoint, operation)(StreamName="nowhere", **parameters)
    assert code(error) == "ResourceNotFoundException"


def test_streams_are_listed_in_pages(endpoint: Any, new_stream: Any) -> None:
    names = sorted(new_stream() for _ in range(5))
    listed: list[str] = []
    page = endpoint.list_streams(Limit=2)
    listed += page["StreamNames"]
    while page["HasMoreStreams"]:
        page = endpoint.list_streams(Limit=2, NextToken=page["NextToken"])
        listed += page["StreamNames"]
    assert [name for name in listed if name in names] == names
    after = endpoint.list_streams(ExclusiveStartStreamName=names[2])["StreamNames"]
    assert [name for name in after if name in names] == names[3:]


def test_a_recreated_stream_is_empty(endpoint: Any) -> None:
    name = f"twice-{uuid.uuid4().hex}"
    create(endpoint, name)
    endpoint.add_tags_to_stream(StreamName=name, Tags={"epoch": "1"})
    number = endpoint.put_record(StreamName=name, Data=b"old", PartitionKey="k")["SequenceNumber"]
    old_iterator = iterator(endpoint, name, "shardId-000000000000")
    endpoint.delete_stream(StreamName=name)
    with pytest.raises(ClientError) as error:
        endpoint.put_record(StreamName=name, Data=b"late", PartitionKey="k")
    assert code(error) == "ResourceNotFoundException"
    wait_gone(endpoint, name)

    create(endpoint, name)
    assert read_shard(endpoint, name, "shardId-000000000000") == []
    assert endpoint.list_tags_for_stream(StreamName=name)["Tags"] == []
    assert int(shards(endpoint, name)[0]["SequenceNumberRange"]["StartingSequenceNumber"]) > int(number)
    with pytest.raises(ClientError) as error:
        iterator(endpoint, name, "shardId-000000000000", "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert code(error) == "InvalidArgumentException"
    with pytest.raises(ClientError) as error:
        endpoint.get_records(ShardIterator=old_iterator)
    assert code(error) == "ResourceNotFoundException"
    endpoint.put_record(StreamName=name, Data=b"new", PartitionKey="k")
    assert data(read_shard(endpoint, name, "shardId-000000000000")) == [b"new"]
    endpoint.delete_stream(StreamName=name)


def test_tags_are_added_replaced_listed_in_pages_and_removed(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    endpoint.add_tags_to_stream(StreamName=name, Tags={"a": "1", "b": "2", "c": "3"})
    endpoint.add_tags_to_stream(StreamName=name, Tags={"b": "two"})
    page = endpoint.list_tags_for_stream(StreamName=name, Limit=2)
    assert page["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two"}]
    assert page["HasMoreTags"]
    next_page = endpoint.list_tags_for_stream(StreamName=name, ExclusiveStartTagKey="b")
    assert next_page["Tags"] == [{"Key": "c", "Value": "3"}]
    endpoint.remove_tags_from_stream(StreamName=name, TagKeys=["a", "unknown"])
    assert [tag["Key"] for tag in endpoint.list_tags_for_stream(StreamName=name)["Tags"]] == ["b", "c"]
    with pytest.raises(ClientError) as error:
        endpoint.add_tags_to_stream(StreamName=name, Tags={f"k{n}": "" for n in range(49)})
    assert code(error) == "InvalidArgumentException"


def test_only_five_streams_are_created_concurrently(new_server: Any) -> None:
    server = new_server("--transition-ms", "60000")
    for index in range(5):
        server.client.create_stream(StreamName=f"s{index}", ShardCount=1)
    with pytest.raises(ClientError) as error:
        server.client.create_stream(StreamName="s5", ShardCount=1)
    assert code(error) == "LimitExceededException"


def test_open_shards_have_a_limit(new_server: Any) -> None:
    server = new_server("--shard-limit", "4")
    name = create(server.client, "s", 4)
    shard = shards(server.client, name)[0]["ShardId"]
    for change in (
        lambda: server.client.create_stream(StreamName="t", ShardCount=1),
        lambda: server.client.split_shard(StreamName=name, ShardToSplit=shard, NewStartingHashKey="9"),
    ):
        with pytest.raises(ClientError) as error:
            change()
        assert code(error) == "LimitExceededException"
