"""Records: put, find by position, read in order, reject."""

import hashlib
import threading
import urllib.error
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulators.services.kinesis.app import operations
from emulators.services.kinesis.core import open_core
from emulators.services.kinesis.options import Options
from emulators.services.kinesis.parameters import Parameters
from pinterest_platform_tests.emulators.services.kinesis.reading import (
    code,
    create,
    data,
    drain,
    iterator,
    read_shard,
    read_stream,
    shards,
)
from pinterest_platform_tests.emulators.services.serving import post

ONLY = "shardId-000000000000"
NONE = "shardId-000000000009"


def put(client: Any, name: str, *texts: str) -> list[str]:
    return [
        client.put_record(StreamName=name, Data=text.encode(), PartitionKey="k")["SequenceNumber"] for text in texts
    ]


def test_eight_writers_lose_and_duplicate_nothing_and_keep_their_order(endpoint: Any, new_stream: Any) -> None:
    name = new_stream(2)
    accepted: list[list[tuple[str, str, bytes]]] = [[] for _ in range(8)]

    def write(writer: int) -> None:
        for batch in range(12):
            entries = [{"Data": f"{writer}/{batch * 40 + n}".encode(), "PartitionKey": str(n % 7)} for n in range(40)]
            answer = endpoint.put_records(StreamName=name, Records=entries)
            assert answer["FailedRecordCount"] == 0
            for entry, result in zip(entries, answer["Records"], strict=True):
                accepted[writer].append((result["ShardId"], result["SequenceNumber"], entry["Data"]))
            single = f"{writer}/single {batch}".encode()
            answer = endpoint.put_record(StreamName=name, Data=single, PartitionKey="3")
            accepted[writer].append((answer["ShardId"], answer["SequenceNumber"], single))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    read = {
        shard["ShardId"]: [
            (record["SequenceNumber"], record["Data"])
            for record in read_shard(endpoint, name, shard["ShardId"], limit=700)
        ]
        for shard in shards(endpoint, name)
    }
    assert sum(map(len, read.values())) == sum(map(len, accepted)) == 8 * 12 * 41
    for shard, records in read.items():
        numbers = [int(number) for number, _ in records]
        assert numbers == sorted(set(numbers))
        for writer in range(8):
            mine = [(number, text) for shard_id, number, text in accepted[writer] if shard_id == shard]
            assert [record for record in records if record[1].startswith(b"%d/" % writer)] == mine


def test_records_are_routed_by_md5_or_by_an_explicit_hash_key(endpoint: Any, new_stream: Any) -> None:
    name = new_stream(4)
    ranges = {shard["ShardId"]: shard["HashKeyRange"] for shard in shards(endpoint, name)}
    for key in ("", "a", "pin", "ключ", "x" * 255):
        text = key + "!"
        answer = endpoint.put_record(StreamName=name, Data=b"", PartitionKey=text)
        hashed = int(hashlib.md5(text.encode()).hexdigest(), 16)
        bounds = ranges[answer["ShardId"]]
        assert int(bounds["StartingHashKey"]) <= hashed <= int(bounds["EndingHashKey"])
    for shard, bounds in ranges.items():
        for hashed in bounds.values():
            answer = endpoint.put_record(StreamName=name, Data=b"", PartitionKey="a", ExplicitHashKey=hashed)
            assert answer["ShardId"] == shard


def test_records_are_read_as_they_were_put(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    blobs = [b"", bytes(range(256)) * 4, "Ünïcode 🙂\n".encode(), b"x" * (1024 * 1024 - 1)]
    before = datetime.now(UTC) - timedelta(seconds=1)
    numbers = [
        endpoint.put_record(StreamName=name, Data=blob, PartitionKey="ß")["SequenceNumber"] for blob in blobs[:3]
    ]
    numbers.append(endpoint.put_record(StreamName=name, Data=blobs[3], PartitionKey="k")["SequenceNumber"])
    records = read_shard(endpoint, name, ONLY)
    assert data(records) == blobs
    assert [record["SequenceNumber"] for record in records] == numbers
    assert [record["PartitionKey"] for record in records] == ["ß", "ß", "ß", "k"]
    arrivals = [record["ApproximateArrivalTimestamp"] for record in records]
    assert arrivals == sorted(arrivals)
    assert before <= arrivals[0] <= datetime.now(UTC) + timedelta(seconds=1)


def test_sequence_numbers_have_the_services_form(endpoint: Any, new_stream: Any) -> None:
    first, second = (int(number) for number in put(endpoint, new_stream(), "a", "b"))
    assert len(str(first)) == 56
    assert second > first + 1


def test_every_kind_of_iterator_begins_at_its_position(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    start = shards(endpoint, name)[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    latest = iterator(endpoint, name, ONLY, "LATEST")
    numbers = put(endpoint, name, "a", "b", "c")

    def texts(kind: str, **position: Any) -> list[bytes]:
        return data(drain(endpoint, iterator(endpoint, name, ONLY, kind, **position))[0])

    assert data(drain(endpoint, latest)[0]) == [b"a", b"b", b"c"]
    assert texts("TRIM_HORIZON") == [b"a", b"b", b"c"]
    assert texts("LATEST") == []
    assert texts("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"b", b"c"]
    assert texts("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"c"]
    assert texts("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[2]) == []
    assert texts("AT_SEQUENCE_NUMBER", StartingSequenceNumber=start) == [b"a", b"b", b"c"]
    assert texts("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=start) == [b"a", b"b", b"c"]
    assert texts("AT_TIMESTAMP", Timestamp=datetime.now(UTC) - timedelta(hours=1)) == [b"a", b"b", b"c"]
    with pytest.raises(ClientError) as error:
        texts("AT_TIMESTAMP", Timestamp=datetime.now(UTC) + timedelta(hours=1))
    assert code(error) == "InvalidArgumentException"


def test_a_timestamp_finds_the_first_record_that_arrived_then(new_server: Any) -> None:
    server = new_server("--controls")
    name = create(server.client, "s")
    for text in "abcdef":
        put(server.client, name, text)
        server.advance(10)
    arrivals = [record["ApproximateArrivalTimestamp"] for record in read_shard(server.client, name, ONLY)]
    for index, arrival in enumerate(arrivals):
        token = iterator(server.client, name, ONLY, "AT_TIMESTAMP", Timestamp=arrival - timedelta(seconds=3))
        assert data(drain(server.client, token)[0]) == [b"a", b"b", b"c", b"d", b"e", b"f"][index:]


def test_reading_reports_the_distance_to_the_tip(new_server: Any) -> None:
    server = new_server("--controls")
    name = create(server.client, "s")
    put(server.client, name, "a", "b")
    server.advance(60)
    first = server.client.get_records(ShardIterator=iterator(server.client, name, ONLY), Limit=1)
    assert data(first["Records"]) == [b"a"]
    assert 60_000 <= first["MillisBehindLatest"] < 120_000
    second = server.client.get_records(ShardIterator=first["NextShardIterator"])
    assert data(second["Records"]) == [b"b"]
    assert second["MillisBehindLatest"] == 0
    third = server.client.get_records(ShardIterator=second["NextShardIterator"])
    assert (third["Records"], third["MillisBehindLatest"]) == ([], 0)
    put(server.client, name, "c")
    assert data(drain(server.client, third["NextShardIterator"])[0]) == [b"c"]


def test_a_reader_is_behind_even_within_one_millisecond(tmp_path: Path) -> None:
    core = open_core(Options(tmp_path, transition_ms=0), machine=lambda: 1_800_000_000_000)
    perform = operations(core)
    perform["CreateStream"](Parameters({"StreamName": "s", "ShardCount": 1}))
    entries = [{"Data": "", "PartitionKey": "k"}] * 2
    perform["PutRecords"](Parameters({"StreamName": "s", "Records": entries}))
    position = Parameters({"StreamName": "s", "ShardId": ONLY, "ShardIteratorType": "TRIM_HORIZON"})
    token = (perform["GetShardIterator"](position) or {})["ShardIterator"]
    for limit, behind in ((1, 1), (2, 0)):
        answer = perform["GetRecords"](Parameters({"ShardIterator": token, "Limit": limit})) or {}
        assert (len(answer["Records"]), answer["MillisBehindLatest"]) == (limit, behind)
    core.journal.close()


def test_an_answer_holds_at_most_ten_mebibytes(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    for _ in range(3):
        entries = [{"Data": b"x" * 1_000_000, "PartitionKey": "k"}] * 5
        endpoint.put_records(StreamName=name, Records=entries)
    answer = endpoint.get_records(ShardIterator=iterator(endpoint, name, ONLY))
    assert len(answer["Records"]) == 10
    assert answer["MillisBehindLatest"] > 0
    assert len(read_shard(endpoint, name, ONLY)) == 15


def test_a_request_that_is_too_large_is_rejected_as_a_whole(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    too_many = [{"Data": b"x", "PartitionKey": "k"}] * 501
    too_large = [{"Data": b"x" * 1_000_000, "PartitionKey": "k"}] * 11
    one_too_large = [{"Data": b"x", "PartitionKey": "k"}, {"Data": b"x" * 1024 * 1024, "PartitionKey": "k"}]
    for entries, expected in (
        (too_many, "ValidationException"),
        (too_large, "InvalidArgumentException"),
        (one_too_large, "ValidationException"),
    ):
        with pytest.raises(ClientError) as error:
            endpoint.put_records(StreamName=name, Records=entries)
        assert code(error) == expected
    with pytest.raises(ClientError) as error:
        endpoint.put_record(StreamName=name, Data=b"x" * 1024 * 1024, PartitionKey="k")
    assert code(error) == "ValidationException"
    assert read_shard(endpoint, name, ONLY) == []


def test_a_stream_can_allow_records_of_ten_mebibytes(endpoint: Any) -> None:
    name = f"large-{uuid.uuid4().hex}"
    endpoint.create_stream(StreamName=name, ShardCount=1, MaxRecordSizeInKiB=10240)
    while endpoint.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
        pass
    endpoint.put_record(StreamName=name, Data=b"x" * (10 * 1024 * 1024 - 1), PartitionKey="k")
    assert len(read_shard(endpoint, name, ONLY)[0]["Data"]) == 10 * 1024 * 1024 - 1
    endpoint.delete_stream(StreamName=name)


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("put_record", {"Data": b"x", "PartitionKey": "k" * 257}, "ValidationException"),
        ("put_record", {"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": "-1"}, "ValidationException"),
        ("put_record", {"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": str(2**128)}, "InvalidArgumentException"),
        (
            "put_record",
            {"Data": b"x", "PartitionKey": "k", "SequenceNumberForOrdering": "12"},
            "InvalidArgumentException",
        ),
        ("get_shard_iterator", {"ShardId": NONE, "ShardIteratorType": "LATEST"}, "ResourceNotFoundException"),
        ("get_shard_iterator", {"ShardId": ONLY, "ShardIteratorType": "SOMEWHERE"}, "ValidationException"),
        ("get_shard_iterator", {"ShardId": ONLY, "ShardIteratorType": "AT_TIMESTAMP"}, "InvalidArgumentException"),
        (
            "get_shard_iterator",
            {"ShardId": ONLY, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "5"},
            "InvalidArgumentException",
        ),
        (
            "get_shard_iterator",
            {"ShardId": ONLY, "ShardIteratorType": "LATEST", "StartingSequenceNumber": "5"},
            "InvalidArgumentException",
        ),
    ],
)  # fmt: skip
def test_wrong_parameters_are_named(
    endpoint: Any, new_stream: Any, operation: str, parameters: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(endpoint, operation)(StreamName=new_stream(), **parameters)
    assert code(error) == expected
    assert error.value.response["Error"]["Message"]


def test_a_sequence_number_of_another_shard_is_rejected(endpoint: Any, new_stream: Any) -> None:
    name = new_stream(2)
    start = shards(endpoint, name)[1]["SequenceNumberRange"]["StartingSequenceNumber"]
    with pytest.raises(ClientError) as error:
        iterator(endpoint, name, ONLY, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=start)
    assert code(error) == "InvalidArgumentException"
    assert "shardId-000000000001" in str(error.value)


def test_a_sequence_number_for_ordering_is_accepted(endpoint: Any, new_stream: Any) -> None:
    name = new_stream()
    numbers = put(endpoint, name, "a")
    answer = endpoint.put_record(StreamName=name, Data=b"b", PartitionKey="k", SequenceNumberForOrdering=numbers[0])
    assert int(answer["SequenceNumber"]) > int(numbers[0])


def test_an_iterator_expires(new_server: Any) -> None:
    server = new_server("--controls", "--iterator-seconds", "100")
    name = create(server.client, "s")
    put(server.client, name, "a")
    token = iterator(server.client, name, ONLY)
    server.advance(99)
    assert data(server.client.get_records(ShardIterator=token)["Records"]) == [b"a"]
    server.advance(2)
    with pytest.raises(ClientError) as error:
        server.client.get_records(ShardIterator=token)
    assert code(error) == "ExpiredIteratorException"


@pytest.mark.parametrize("token", ["nonsense", "AAAA", "AAAAAAAAAAGVsbG8gd29ybGQgaGVsbG8gd29ybGQ="])
def test_a_forged_iterator_is_rejected(endpoint: Any, token: str) -> None:
    with pytest.raises(ClientError) as error:
        endpoint.get_records(ShardIterator=token)
    assert code(error) == "InvalidArgumentException"


def test_an_altered_iterator_is_rejected(endpoint: Any, new_stream: Any) -> None:
    token = iterator(endpoint, new_stream(), ONLY)
    altered = token[:30] + ("A" if token[30] != "A" else "B") + token[31:]
    with pytest.raises(ClientError) as error:
        endpoint.get_records(ShardIterator=altered)
    assert code(error) == "InvalidArgumentException"


def test_too_high_a_limit_is_rejected(endpoint: Any, new_stream: Any) -> None:
    token = iterator(endpoint, new_stream(), ONLY)
    with pytest.raises(ClientError) as error:
        endpoint.get_records(ShardIterator=token, Limit=10_001)
    assert code(error) == "InvalidArgumentException"


def test_invalid_requests_get_an_error_body(endpoint: Any) -> None:
    url = endpoint.meta.endpoint_url
    for body, target, expected in (
        (b"{}", "Kinesis_20131202.Nonsense", "UnknownOperationException"),
        (b"{}", "", "UnknownOperationException"),
        (b"{", "Kinesis_20131202.ListStreams", "SerializationException"),
        (b"[]", "Kinesis_20131202.ListStreams", "SerializationException"),
        (b'{"StreamName": 5}', "Kinesis_20131202.DescribeStream", "SerializationException"),
        (b'{"StreamName": "a b"}', "Kinesis_20131202.DescribeStream", "ValidationException"),
        (b'{"StreamName": "s", "Timestamp": 1e300}', "Kinesis_20131202.ListStreams", None),
    ):
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        if expected is None:
            assert "StreamNames" in post(url, body, headers)
            continue
        with pytest.raises(urllib.error.HTTPError) as error:
            post(url, body, headers)
        assert error.value.code == 400
        assert expected.encode() in error.value.read()


def test_a_whole_stream_is_read_in_small_pages(endpoint: Any, new_stream: Any) -> None:
    name = new_stream(3)
    entries = [{"Data": str(n).encode(), "PartitionKey": str(n)} for n in range(100)]
    endpoint.put_records(StreamName=name, Records=entries)
    assert sorted(data(read_stream(endpoint, name, limit=7))) == sorted(entry["Data"] for entry in entries)
