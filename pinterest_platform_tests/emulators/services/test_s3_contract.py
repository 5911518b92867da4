"""The platform's requirements of the S3 server, and the repair of its data folder after a kill."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulators.services.s3 import move_incomplete_aside

WRITERS = 8
RACES = 40


@pytest.fixture(scope="module")
def clients(emulated: dict[str, str]) -> list[Any]:
    """One client per writer, so that each has its own connections."""
    return [
        boto3.Session(emulated["AWS_ACCESS_KEY_ID"], emulated["AWS_SECRET_ACCESS_KEY"]).client(
            "s3",
            endpoint_url=emulated["AWS_ENDPOINT_URL"],
            region_name=emulated["AWS_REGION"],
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, proxies={}),
        )
        for _ in range(WRITERS)
    ]


def put_if_absent(client: Any, bucket: str, key: str, body: bytes) -> bool:
    try:
        client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", Metadata={"writer": body.decode()})
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
            raise
        return False
    return True


def raced(writes: list[Callable[[], bool]]) -> list[bool]:
    barrier = threading.Barrier(len(writes))

    def together(write: Callable[[], bool]) -> bool:
        barrier.wait()
        return write()

    with ThreadPoolExecutor(len(writes)) as pool:
        return list(pool.map(together, writes))


def test_of_many_writers_of_one_key_exactly_one_wins(clients: list[Any], emulated: dict[str, str]) -> None:
    bucket, prefix = emulated["PINTEREST_BUCKET"], f"race-{uuid.uuid4().hex}"
    for race in range(RACES):
        key = f"{prefix}/{race:04d}"
        won = raced(
            [
                lambda client=client, number=number, key=key: put_if_absent(client, bucket, key, f"w{number}".encode())
                for number, client in enumerate(clients)
            ]
        )
        assert won.count(True) == 1, f"{won} in race {race}"
        stored = clients[0].get_object(Bucket=bucket, Key=key)
        assert stored["Body"].read().decode() == stored["Metadata"]["writer"] == f"w{won.index(True)}"


def test_a_listing_has_keys_in_order_and_can_start_after_one(clients: list[Any], emulated: dict[str, str]) -> None:
    bucket, prefix = emulated["PINTEREST_BUCKET"], f"list-{uuid.uuid4().hex}/topic=a+b/x+0+"
    keys = [f"{prefix}{number:019d}.json" for number in (0, 5, 10, 200)]
    for key in reversed(keys):
        clients[0].put_object(Bucket=bucket, Key=key, Body=b"{}\n")
    listing = clients[0].list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=keys[1])
    assert [entry["Key"] for entry in listing["Contents"]] == keys[2:]


def test_only_incomplete_folders_are_moved_aside(tmp_path: Path) -> None:
    data, aside = tmp_path / "data", tmp_path / "broken"
    cases = {"good": b'{"key":"a"}', "empty": b"", "torn": b'{"key":', "list": b"[]", "bare": None}
    folders = {name: data / "bucket" / str(uuid.uuid4()) for name in cases}
    for name, metadata in cases.items():
        folders[name].mkdir(parents=True)
        (folders[name] / "binaryData").write_bytes(b"data")
        if metadata is not None:
            (folders[name] / "objectMetadata.json").write_bytes(metadata)
    (data / "bucket" / "multiparts").mkdir()
    (data / "bucket" / "bucketMetadata.json").write_bytes(b"{}")

    targets = move_incomplete_aside(data, aside)

    remaining = {"bucketMetadata.json", "multiparts", folders["good"].name}
    assert {path.name for path in (data / "bucket").iterdir()} == remaining
    assert len(targets) == 4
    assert sorted(targets) == sorted(aside.iterdir())
    assert move_incomplete_aside(data, aside) == []
