"""Injected faults: as configured, counted, and without loss of a record."""

import asyncio
import urllib.error
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulators.services.kinesis.errors import ServiceError
from emulators.services.kinesis.faults import Faults
from pinterest_platform_tests.emulators.services.kinesis.reading import create, data, drain, iterator, read_stream
from pinterest_platform_tests.emulators.services.kinesis.server import Server
from pinterest_platform_tests.emulators.services.serving import post

ONLY = "shardId-000000000000"


@pytest.fixture
def server(new_server: Any) -> Server:
    return new_server("--controls")


def test_there_are_no_controls_by_default(endpoint: Any) -> None:
    for path in ("/_faults", "/_clock"):
        with pytest.raises(urllib.error.HTTPError) as error:
            post(endpoint.meta.endpoint_url + path, b"{}", {})
        assert error.value.code == 404


def test_every_fault_occurs_and_accepted_records_are_kept(server: Server) -> None:
    name = create(server.client, "s")
    rates = dict.fromkeys(("throttle", "partial", "errors", "lost_replies", "slow"), 0.2)
    server.control("/_faults", {"seed": 7, "slow_seconds": 0.001, **rates})
    accepted: set[bytes] = set()
    outcomes: Counter[str] = Counter()
    unacknowledged: set[bytes] = set()
    for batch in range(60):
        texts = [b"%d/%d" % (batch, n) for n in range(5)]
        entries = [{"Data": text, "PartitionKey": "k"} for text in texts]
        try:
            answer = server.client.put_records(StreamName=name, Records=entries)
        except ClientError as error:
            outcomes[error.response["Error"]["Code"]] += 1
            unacknowledged.update(texts)
            continue
        outcomes["partial"] += answer["FailedRecordCount"]
        accepted.update(
            text for text, result in zip(texts, answer["Records"], strict=True) if "ErrorCode" not in result
        )
    struck = server.control("/_faults", {})["struck"]
    assert struck == {}, "new settings reset the counts"
    assert set(outcomes) == {"partial", "ProvisionedThroughputExceededException", "InternalFailure"}
    read = data(read_stream(server.client, name))
    assert len(read) == len(set(read))
    assert accepted <= set(read) <= accepted | unacknowledged
    assert set(read) - accepted, "a reply was lost after the records were stored"


def test_iterators_expire_at_the_configured_rate(server: Server) -> None:
    name = create(server.client, "s")
    server.client.put_record(StreamName=name, Data=b"a", PartitionKey="k")
    server.control("/_faults", {"seed": 1, "expire_iterators": 0.5, "operations": ["GetRecords"]})
    outcomes: Counter[str] = Counter()
    for _ in range(40):
        try:
            outcomes[data(drain(server.client, iterator(server.client, name, ONLY))[0])[0].decode()] += 1
        except ClientError as error:
            outcomes[error.response["Error"]["Code"]] += 1
    assert set(outcomes) == {"a", "ExpiredIteratorException"}


async def outcomes_of(faults: Faults) -> list[str]:
    outcomes: list[str] = []
    for _ in range(100):
        try:
            await faults.before("GetRecords")
            outcomes.append("")
        except ServiceError as error:
            outcomes.append(error.kind)
    return outcomes


def test_a_seed_gives_the_same_faults_again() -> None:
    faults = Faults()
    settings = {"seed": 3, "throttle": 0.3, "errors": 0.1, "expire_iterators": 0.2}
    outcomes: list[list[str]] = []
    for seed in (3, 3, 4):
        faults.configure({**settings, "seed": seed})
        outcomes.append(asyncio.run(outcomes_of(faults)))
    assert outcomes[0] == outcomes[1] != outcomes[2]


@pytest.mark.parametrize(
    "wrong", [{"throttle": 2}, {"nonsense": 1}, {"errors": "often"}, {"slow_seconds": -1}, {"seed": "x"}]
)
def test_wrong_settings_are_named(server: Server, wrong: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        server.control("/_faults", wrong)
    assert error.value.code == 400
    assert next(iter(wrong)).encode() in error.value.read()
