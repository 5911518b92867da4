"""The Kafka route interprets every response of the REST proxy (rules W5 and W6)."""

import asyncio
from typing import Any

import pytest

from emulators.failures import EmulatorFailure
from emulators.posting import gateway as posting_gateway
from emulators.posting.kafka import KafkaRoute
from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict
from pinterest_platform_tests.emulators.posting.gateway import Gateway, rejecting, serving

RECORDS = [Record(7, b'{"index":7}'), Record(-8, '{"index":-8,"title":"é\N{SPARKLES}"}'.encode())]


def send(gateway: Gateway, key: str = "the key") -> list[Verdict]:
    async def run() -> list[Verdict]:
        route = KafkaRoute(gateway.url + "/", key, "0a")
        await route.open(2, 1.0)
        try:
            return await route.send("pin", RECORDS)
        finally:
            await route.close()

    return asyncio.run(run())


def test_a_request_has_the_wire_format() -> None:
    with serving() as gateway:
        assert send(gateway) == [None, None]
        ((topic, headers, records),) = gateway.requests
    assert topic == "0a.pin"
    assert headers["Content-Type"] == "application/vnd.kafka.json.v2+json"
    assert headers["x-api-key"] == "the key"
    assert records == [
        {"key": 7, "value": {"index": 7}},
        {"key": -8, "value": {"index": -8, "title": "é\N{SPARKLES}"}},
    ]


def test_each_record_of_a_reply_has_its_own_verdict() -> None:
    with serving(lambda _n, _t, records: rejecting(records, {1: 2})) as gateway:
        assert send(gateway) == [None, Rejection("reason 2 (error code 2)", retriable=True)]
    with serving(lambda _n, _t, records: rejecting(records, {0: 1})) as gateway:
        assert send(gateway) == [Rejection("reason 1 (error code 1)", retriable=False), None]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_transient_statuses_are_retriable(status: int) -> None:
    with (
        serving(lambda *_: (status, {"message": "later"})) as gateway,
        pytest.raises(UnavailableError, match=f"{status}"),
    ):
        send(gateway)


@pytest.mark.parametrize("status", [401, 403])
def test_a_rejected_key_ends_the_run_and_is_not_shown(status: int) -> None:
    with (
        serving(lambda *_: (status, {"message": "Forbidden"})) as gateway,
        pytest.raises(EmulatorFailure, match="PINTEREST_API_KEY") as raised,
    ):
        send(gateway, key="hidden")
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422])
def test_other_refusals_are_final_for_the_records_of_the_request(status: int) -> None:
    with serving(lambda *_: (status, {"error_code": 1, "message": "Topic not found."})) as gateway:
        assert send(gateway) == [Rejection(f"HTTP {status} Topic not found.", retriable=False)] * 2


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"offsets": None},
        {"offsets": [1, 2]},
        {"offsets": [{"partition": 0, "offset": 1, "error_code": None, "error": None}]},
    ],
)
def test_a_reply_without_a_result_for_every_record_is_invalid(body: Any) -> None:
    with serving() as gateway:
        gateway.behaviour = lambda *_: (200, body)
        with pytest.raises(UnavailableError, match="response"):
            send(gateway)


def test_a_record_without_offset_and_error_is_not_accepted() -> None:
    body = {"offsets": [{"partition": None, "offset": None, "error_code": None, "error": None}] * 2}
    with serving(lambda *_: (200, body)) as gateway:
        assert all(send(gateway))


def test_a_gateway_that_does_not_listen_at_the_start_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting_gateway, "LISTENING_SECONDS", 0.3)
    gateway = Gateway(lambda *_: None)
    gateway.url = "http://127.0.0.1:1/staging"
    with pytest.raises(EmulatorFailure, match=r"No server listens at .*127\.0\.0\.1:1/staging.*python -m emulators up"):
        send(gateway)


@pytest.mark.parametrize("address", ["nowhere", "http:///staging", "/staging"])
def test_an_invalid_address_is_reported(address: str) -> None:
    gateway = Gateway(lambda *_: None)
    gateway.url = address
    with pytest.raises(EmulatorFailure, match=r"is not the address of a gateway.*PINTEREST_API_URL"):
        send(gateway)


def test_a_gateway_that_stops_later_is_retriable() -> None:
    async def run() -> None:
        with serving() as gateway:
            route = KafkaRoute(gateway.url, "the key", "0a")
            await route.open(2, 1.0)
        try:
            with pytest.raises(UnavailableError):
                await route.send("pin", RECORDS)
        finally:
            await route.close()

    asyncio.run(run())
