"""The Kinesis route through the real gateway: arriving records, their order, and the handling of refusals."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from emulators.failures import EmulatorFailure
from emulators.posting import delivery, streams
from emulators.posting import gateway as posting_gateway
from emulators.posting.counts import Counts
from emulators.posting.delivery import RetryPolicy
from emulators.posting.kinesis import KinesisRoute
from emulators.posting.poster import Pace, Poster
from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict
from emulators.posting.source import Post
from pinterest_platform_tests.emulators.posting.kinesis_route import (
    KEY,
    all_records,
    by_key,
    gateway_before,
    kinesis_server,
)
from pinterest_platform_tests.emulators.services.kinesis.server import Server

RECORDS = [
    Record(7, b'{"index":7,"latitude":1.50,"long":123456789012345678901234567890}'),
    Record(-8, '{"index":-8,"title":"it\'s \\"é\\" \N{SPARKLES} \\\\ / \\u00e9"}'.encode()),
    Record(9, b'{"a":1,"a":2}'),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with kinesis_server(tmp_path_factory.mktemp("kinesis")) as running:
        yield running


@pytest.fixture
def gateway(server: Server) -> Iterator[str]:
    server.control("/_faults", {})
    with gateway_before(server.url) as url:
        yield url


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE", 0.005)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(streams, "FIRST_PAUSE", 0.02)


def send(
    gateway: str, *batches: Sequence[Record], user: str = "", key: str = KEY, patience: float = 20.0
) -> list[list[Verdict]]:
    async def run() -> list[list[Verdict]]:
        route = KinesisRoute(gateway + "/", key, user or f"u{random.randrange(10**9)}")
        try:
            await route.open(2, patience)
            return [await route.send("pin", batch) for batch in batches]
        finally:
            await route.close()

    return asyncio.run(run())


def test_streams_are_created_if_they_are_absent_and_not_touched_if_present(gateway: str, server: Server) -> None:
    server.client.create_stream(StreamName="streaming-made-geo", ShardCount=2)
    send(gateway, user="made")
    send(gateway, user="made")
    counts = {
        entity: server.client.describe_stream_summary(StreamName=f"streaming-made-{entity}")["StreamDescriptionSummary"]
        for entity in ("pin", "geo", "user")
    }
    assert {entity: summary["OpenShardCount"] for entity, summary in counts.items()} == {"pin": 5, "geo": 2, "user": 5}
    assert all(summary["StreamStatus"] == "ACTIVE" for summary in counts.values())


def test_concurrent_posters_may_create_the_streams(gateway: str) -> None:
    async def run() -> None:
        routes = [KinesisRoute(gateway, KEY, "twice") for _ in range(3)]
        await asyncio.gather(*(route.open(1, 20.0) for route in routes))
        for route in routes:
            assert await route.send("user", RECORDS) == [None] * 3
            await route.close()

    asyncio.run(run())


@pytest.mark.parametrize("batches", [[RECORDS], [[record] for record in RECORDS]], ids=["batch", "singles"])
def test_data_arrives_byte_for_byte_under_the_index_as_its_key(
    gateway: str, server: Server, batches: list[list[Record]]
) -> None:
    user = f"bytes{len(batches)}"
    assert [verdict for verdicts in send(gateway, *batches, user=user) for verdict in verdicts] == [None] * 3
    arrived = all_records(server.client, f"streaming-{user}-pin")
    assert sorted(arrived) == sorted((str(record.key), record.value) for record in RECORDS)


def test_one_record_that_is_too_large_is_isolated_and_the_others_are_accepted(gateway: str, server: Server) -> None:
    records = [Record(key, b'"%b"' % (b"x" * (2**20 if key == 11 else 10))) for key in range(30)]
    (verdicts,) = send(gateway, records, user="large")
    assert [bool(verdict) for verdict in verdicts] == [key == 11 for key in range(30)]
    rejection = verdicts[11]
    assert isinstance(rejection, Rejection)
    assert not rejection.retriable
    assert "ValidationException" in rejection.reason
    arrived = all_records(server.client, "streaming-large-pin")
    assert sorted(int(key) for key, _ in arrived) == [key for key in range(30) if key != 11]


def test_a_deleted_stream_is_a_refusal_of_every_record(gateway: str, server: Server) -> None:
    async def run() -> list[Verdict]:
        route = KinesisRoute(gateway, KEY, "gone")
        await route.open(1, 20.0)
        server.client.delete_stream(StreamName="streaming-gone-pin")
        try:
            return await route.send("pin", RECORDS)
        finally:
            await route.close()

    verdicts = asyncio.run(run())
    assert len(verdicts) == 3
    for verdict in verdicts:
        assert isinstance(verdict, Rejection)
        assert not verdict.retriable
        assert "ResourceNotFoundException" in verdict.reason


def test_failed_records_of_a_batch_are_retriable(gateway: str, server: Server) -> None:
    send(gateway, user="partial")
    server.control("/_faults", {"partial": 0.5, "seed": 3})
    (verdicts,) = send(gateway, [Record(key, b"{}") for key in range(100)], user="partial")
    arrived = {int(key) for key, _ in all_records(server.client, "streaming-partial-pin")}
    assert {key for key, verdict in enumerate(verdicts) if verdict is None} == arrived
    assert 0 < len(arrived) < 100
    assert all(verdict.retriable for verdict in verdicts if verdict is not None)


@pytest.mark.parametrize("fault", ["throttle", "errors"])
@pytest.mark.parametrize("records", [RECORDS, RECORDS[:1]], ids=["batch", "single"])
def test_a_throttled_or_failed_request_is_retriable(
    gateway: str, server: Server, fault: str, records: list[Record]
) -> None:
    send(gateway, user="passing")
    server.control("/_faults", {fault: 1, "operations": ["PutRecord", "PutRecords"]})
    with pytest.raises(UnavailableError, match=r"HTTP (400 Rate exceeded|500)"):
        send(gateway, records, user="passing")


def test_streams_become_ready_through_throttling_and_errors(gateway: str, server: Server) -> None:
    server.control("/_faults", {"throttle": 0.3, "errors": 0.3, "lost_replies": 0.3, "seed": 1})
    assert send(gateway, user="through") == []
    assert server.client.describe_stream_summary(StreamName="streaming-through-user")


def test_a_rejected_key_ends_the_run_and_is_not_shown(gateway: str) -> None:
    with pytest.raises(EmulatorFailure, match="PINTEREST_API_KEY") as raised:
        send(gateway, key="hidden")
    assert "hidden" not in str(raised.value)


def test_a_gateway_that_does_not_listen_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting_gateway, "LISTENING_SECONDS", 0.3)
    with pytest.raises(EmulatorFailure, match="python -m emulators up"):
        send("http://127.0.0.1:1/staging", patience=600)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b'{"Records":[]}', b'{"Records":{}}', b'{"Records":[{"SequenceNumber":"1"}]}', b"{"],
)
def test_a_reply_without_a_result_for_every_record_is_invalid(body: bytes) -> None:
    with pytest.raises(UnavailableError, match="response"):
        asyncio.run(verdicts_on(body, RECORDS))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ShardId":"shardId-000000000000"}', b'{"SequenceNumber":null}'])
def test_a_truncated_reply_to_a_single_put_is_invalid(body: bytes) -> None:
    with pytest.raises(UnavailableError, match="SequenceNumber"):
        asyncio.run(verdicts_on(body, RECORDS[:1]))


def test_an_entry_without_sequence_number_and_error_is_not_accepted() -> None:
    (first, *others) = asyncio.run(verdicts_on(b'{"Records":[{"SequenceNumber":"1"},{},3]}', RECORDS))
    assert first is None
    assert all(isinstance(verdict, Rejection) and verdict.retriable for verdict in others)


async def verdicts_on(body: bytes, records: list[Record]) -> list[Verdict]:
    """Return the verdicts on records if every PUT is answered with `body`."""

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"StreamDescription": {"StreamStatus": "ACTIVE"}})
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    route = KinesisRoute(f"http://127.0.0.1:{runner.addresses[0][1]}", KEY, "u")
    try:
        await route.open(1, 5.0)
        return await route.send("pin", records)
    finally:
        await route.close()
        await runner.cleanup()


def deliver(gateway: str, user: str, posts: list[Post], per_request: int) -> Counts:
    async def run() -> Counts:
        route, counts = KinesisRoute(gateway, KEY, user), Counts()
        await route.open(8, 20.0)
        pace = Pace(per_request=per_request, concurrency=8)
        try:
            await Poster([(route, counts)], pace, RetryPolicy(attempts=50), asyncio.Event()).run(iter([posts]))
        finally:
            await route.close()
        return counts

    return asyncio.run(run())


@pytest.mark.parametrize("per_request", [1, 40])
def test_each_keys_posts_arrive_in_order_through_throttling_and_partial_failures(
    gateway: str, server: Server, per_request: int
) -> None:
    user = f"order{per_request}"
    send(gateway, user=user)
    server.control("/_faults", {"throttle": 0.1, "partial": 0.2, "errors": 0.05, "slow": 0.1, "slow_seconds": 0.01})
    keys = [random.Random(per_request).randrange(15) for _ in range(200)]
    expected: dict[str, list[bytes]] = defaultdict(list)
    posts: list[Post] = []
    for at, key in enumerate(keys):
        row = b'{"at":%d}' % at
        expected[str(key)].append(row)
        posts.append(Post(key, {"pin": row, "geo": row, "user": row}))

    counts = deliver(gateway, user, posts, per_request)

    server.control("/_faults", {})
    assert (counts.sent, counts.accepted, counts.failed) == (600, 600, 0)
    for entity in ("pin", "geo", "user"):
        assert by_key(all_records(server.client, f"streaming-{user}-{entity}")) == expected


def test_a_stream_at_its_limits_accepts_everything_bit_by_bit(tmp_path: Path) -> None:
    posts = [Post(key, {"pin": b"{}"}) for key in range(2500)]
    with kinesis_server(tmp_path, "--throughput-limits") as limited, gateway_before(limited.url) as gateway:
        limited.client.create_stream(StreamName="streaming-limits-pin", ShardCount=1)
        counts = deliver(gateway, "limits", posts, 500)
        arrived: Any = sorted(int(key) for key, _ in slowly(limited, "streaming-limits-pin"))
    assert (counts.accepted, counts.failed) == (2500, 0)
    assert arrived == list(range(2500))


def slowly(server: Server, stream: str) -> list[tuple[str, bytes]]:
    """Return all records of a stream whose limits also apply to readers; its clock is advanced instead of waiting."""
    server.advance(10)
    return all_records(server.client, stream)
