"""The service's throughput limits, off by default."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulators.services.kinesis.limits import Bucket
from pinterest_platform_tests.emulators.services.kinesis.reading import code, create, iterator, read_stream

ONLY = "shardId-000000000000"


def repeat(times: int, call: Callable[[], Any]) -> None:
    for _ in range(times):
        call()


def test_a_bucket_fills_within_a_second() -> None:
    bucket = Bucket(10)
    assert bucket.has(10, 0)
    bucket.take(10)
    assert not bucket.has(1, 0)
    assert not bucket.has(6, 500)
    assert bucket.has(5, 500)
    assert bucket.has(10, 1_000_000)


def test_more_than_a_bucket_has_to_refill_afterwards() -> None:
    bucket = Bucket(10)
    assert bucket.has(50, 0)
    bucket.take(50)
    assert not bucket.has(1, 4000)
    assert bucket.has(1, 4200)


def test_a_shard_accepts_a_thousand_records_and_a_mebibyte_a_second(new_server: Any) -> None:
    server = new_server("--throughput-limits")
    name = create(server.client, "s")
    accepted = 0
    for size, most in ((10, 1000), (100_000, 10)):
        server.client.put_records(StreamName=name, Records=[{"Data": b"x", "PartitionKey": "k"}])
        results: list[dict[str, Any]] = []
        for _ in range(3 if size == 10 else 1):
            entries = [{"Data": b"x" * size, "PartitionKey": "k"}] * (500 if size == 10 else 50)
            response = server.client.put_records(StreamName=name, Records=entries)
            assert response["FailedRecordCount"] == sum("ErrorCode" in result for result in response["Records"])
            results += response["Records"]
        failed = [result for result in results if "ErrorCode" in result]
        assert failed
        assert all(result["ErrorCode"] == "ProvisionedThroughputExceededException" for result in failed)
        assert all("shardId-000000000000" in result["ErrorMessage"] for result in failed)
        accepted += len(results) - len(failed) + 1
        assert most == 1000 or len(results) - len(failed) <= most + 5
    server.stop()
    server.flags = ()
    server.start()
    assert len(read_stream(server.client, name)) == accepted


def test_a_single_put_over_the_limit_is_an_error(new_server: Any) -> None:
    server = new_server("--throughput-limits")
    name = create(server.client, "s")
    server.client.put_record(StreamName=name, Data=b"x" * 1_048_000, PartitionKey="k")
    with pytest.raises(ClientError) as error:
        repeat(10, lambda: server.client.put_record(StreamName=name, Data=b"x" * 1_000_000, PartitionKey="k"))
    assert code(error) == "ProvisionedThroughputExceededException"


def test_a_shard_is_read_five_times_a_second(new_server: Any) -> None:
    server = new_server("--throughput-limits")
    name = create(server.client, "s")
    token = iterator(server.client, name, ONLY)
    with pytest.raises(ClientError) as error:
        repeat(30, lambda: server.client.get_records(ShardIterator=token))
    assert code(error) == "ProvisionedThroughputExceededException"
