"""Consumer helpers: wait for a stream, read a shard to its end, read a stream parents before children."""

import time
from typing import Any

from botocore.exceptions import ClientError


def create(client: Any, name: str, shards: int = 1) -> str:
    client.create_stream(StreamName=name, ShardCount=shards)
    wait_active(client, name)
    return name


def wait_active(client: Any, name: str) -> None:
    deadline = time.monotonic() + 20
    while client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
        assert time.monotonic() < deadline, f"{name} does not become active"
        time.sleep(0.005)


def wait_gone(client: Any, name: str) -> None:
    deadline = time.monotonic() + 20
    while name in client.list_streams(Limit=10_000)["StreamNames"]:
        assert time.monotonic() < deadline, f"{name} is not deleted"
        time.sleep(0.005)


def shards(client: Any, name: str) -> list[dict[str, Any]]:
    return client.list_shards(StreamName=name)["Shards"]


def open_shards(client: Any, name: str) -> list[dict[str, Any]]:
    open_ones = [shard for shard in shards(client, name) if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
    return sorted(open_ones, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


def iterator(client: Any, name: str, shard: str, kind: str = "TRIM_HORIZON", **position: Any) -> str:
    return client.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **position)[
        "ShardIterator"
    ]


def drain(client: Any, token: str | None, limit: int = 10_000) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return all records from an iterator to the tip or the shard's end, and the last answer."""
    records: list[dict[str, Any]] = []
    answer: dict[str, Any] = {}
    while token is not None:
        answer = client.get_records(ShardIterator=token, Limit=limit)
        records += answer["Records"]
        token = answer.get("NextShardIterator")
        if answer["MillisBehindLatest"] == 0:
            break
    return records, answer


def read_shard(client: Any, name: str, shard: str, limit: int = 10_000) -> list[dict[str, Any]]:
    return drain(client, iterator(client, name, shard), limit)[0]


def read_stream(client: Any, name: str, limit: int = 10_000) -> list[dict[str, Any]]:
    """Return every record once, parents before children."""
    records: list[dict[str, Any]] = []
    for shard in sorted(shards(client, name), key=lambda shard: shard["ShardId"]):
        shard_records = read_shard(client, name, shard["ShardId"], limit)
        numbers = [int(record["SequenceNumber"]) for record in shard_records]
        assert numbers == sorted(set(numbers)), "sequence numbers do not increase along the shard"
        records += shard_records
    return records


def data(records: list[dict[str, Any]]) -> list[bytes]:
    return [record["Data"] for record in records]


def code(error: Any) -> str:
    """Return the service's error code from a `pytest.raises` context."""
    assert isinstance(error.value, ClientError)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error.value.response["Error"]["Code"]
