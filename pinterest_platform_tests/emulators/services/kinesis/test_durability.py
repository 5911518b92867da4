"""Acknowledged records survive restarts, kills and a full disk."""

import random
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from pinterest_platform_tests.emulators.services.kinesis.reading import (
    create,
    data,
    drain,
    iterator,
    read_shard,
    read_stream,
    shards,
    wait_active,
)
from pinterest_platform_tests.emulators.services.kinesis.server import Server

ONLY = "shardId-000000000000"


def test_streams_and_records_survive_a_restart(new_server: Any) -> None:
    server = new_server()
    name = create(server.client, "s", 2)
    server.client.add_tags_to_stream(StreamName=name, Tags={"epoch": "1"})
    entries = [{"Data": b"%d" % n, "PartitionKey": str(n)} for n in range(300)]
    server.client.put_records(StreamName=name, Records=entries)
    server.client.split_shard(StreamName=name, ShardToSplit=ONLY, NewStartingHashKey="12345")
    wait_active(server.client, name)
    server.client.put_records(StreamName=name, Records=entries)

    def everything() -> Any:
        described = server.client.describe_stream(StreamName=name)["StreamDescription"]
        tags = server.client.list_tags_for_stream(StreamName=name)["Tags"]
        return described, tags, read_stream(server.client, name)

    before, token = everything(), iterator(server.client, name, ONLY)
    assert len(before[2]) == 600
    assert server.stop() == 0
    server.start()
    assert everything() == before
    assert drain(server.client, token)[0] == read_shard(server.client, name, ONLY)


def test_a_reshard_and_a_deletion_complete_after_a_restart(new_server: Any) -> None:
    server = new_server()
    split, deleted = create(server.client, "split"), create(server.client, "deleted")
    server.client.put_record(StreamName=split, Data=b"a", PartitionKey="k")
    server.client.split_shard(StreamName=split, ShardToSplit=ONLY, NewStartingHashKey=str(2**127))
    server.client.delete_stream(StreamName=deleted)
    server.kill()
    server.start()
    wait_active(server.client, split)
    first = shards(server.client, split)
    assert len(first) == 3
    server.kill()
    server.start()
    assert shards(server.client, split) == first
    assert data(read_stream(server.client, split)) == [b"a"]
    assert deleted not in server.client.list_streams()["StreamNames"]


def test_a_kill_loses_no_acknowledged_record(new_server: Any) -> None:
    """Four writers, three kills at random moments."""
    server: Server = new_server()
    name = create(server.client, "s", 2)
    chance = random.Random(11)
    accepted: dict[bytes, str] = {}
    sent: set[bytes] = set()
    for life in range(3):
        enough = threading.Event()
        target = len(accepted) + chance.randint(100, 1500)

        def write(writer: int, client: Any, life: int = life, enough: Any = enough, target: int = target) -> None:
            for batch in range(10_000):
                texts = [b"%d/%d/%d/%d" % (life, writer, batch, n) for n in range(1 if writer == 0 else 20)]
                sent.update(texts)
                entries = [{"Data": text, "PartitionKey": text.decode()} for text in texts]
                try:
                    answer = client.put_records(StreamName=name, Records=entries)
                except (BotoCoreError, ClientError):
                    return
                if "Records" not in answer:
                    return  # botocore parses an answer that is truncated after its headers as an empty one
                results = answer["Records"]
                accepted.update(zip(texts, [result["SequenceNumber"] for result in results], strict=True))
                if len(accepted) >= target:
                    enough.set()

        threads = [threading.Thread(target=write, args=(writer, server.client)) for writer in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
    read = {record["Data"]: record["SequenceNumber"] for record in read_stream(server.client, name)}
    assert len(read) == len(read_stream(server.client, name))
    assert accepted.items() <= read.items()
    assert set(read) <= sent


def test_a_full_disk_is_an_error_and_acknowledged_records_are_kept(new_server: Any) -> None:
    server: Server = new_server(largest_file=3_000_000)
    name = create(server.client, "s")
    accepted: list[bytes] = []

    def fill() -> None:
        for n in range(200):
            texts = [b"%d/%d" % (n, m) + b"x" * 50_000 for m in range(2)]
            server.client.put_records(StreamName=name, Records=[{"Data": text, "PartitionKey": "k"} for text in texts])
            accepted.extend(texts)

    with pytest.raises(ClientError) as error:
        fill()
    assert error.value.response["Error"]["Code"] == "InternalFailure"
    assert accepted
    assert data(read_shard(server.client, name, ONLY)) == accepted
    server.kill()
    server.start()
    assert data(read_shard(server.client, name, ONLY)) == accepted
    server.client.put_record(StreamName=name, Data=b"after", PartitionKey="k")
    assert data(read_shard(server.client, name, ONLY))[-1] == b"after"


def test_a_client_that_disconnects_during_a_request_is_no_error(
    new_server: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    server = new_server()
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert server.client.list_streams()["StreamNames"] == []
    server.stop()
    assert "Traceback" not in capfd.readouterr().err
