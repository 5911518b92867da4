"""Limits of requests, and no access for foreign web pages, on all HTTP services."""

import json
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.services.http_guard import LARGEST_HEADERS, BoundedProtocol, Guard
from pinterest_platform_tests.emulators.services.serving import serving

FOREIGN_HOSTS = ["foreign.example", "127.0.0.1.foreign.example", "localhost.foreign.example:80", "127.0.0.2"]
FOREIGN_ORIGINS = [
    "http://foreign.example",
    "https://localhost.foreign.example",
    "null",
    "http://localhost:1@foreign.example",
]
LOCAL_ORIGINS = ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:1"]


class ImpatientProtocol(BoundedProtocol):
    """The protocol with time-outs for tests."""

    head_seconds = 1.0
    body_seconds = 1.0
    body_bytes = 2


async def answer_length(request: Request) -> Response:
    try:
        return Response(str(len(await request.body())))
    except ClientDisconnect:
        return Response(status_code=499)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    app = Starlette(routes=[Route("/", answer_length, methods=["GET", "POST", "OPTIONS"])])
    with serving(Guard(app), ImpatientProtocol) as at:
        yield at


def exchange(address: str, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts and return everything that the server sends until it closes the connection."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        received = b""
        while data := connection.recv(65536):
            received += data
    return received


def test_a_silent_connection_is_closed(address: str) -> None:
    assert exchange(address) == b""


@pytest.mark.parametrize(
    "part",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
    ],
)
def test_a_half_sent_request_is_timed_out(address: str, part: bytes) -> None:
    received = exchange(address, part)
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert json.loads(received.partition(b"\r\n\r\n")[2]) == {"message": "Request Timeout"}


def test_a_head_that_arrives_in_drips_is_timed_out(address: str) -> None:
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        exchange(address, b"GET / HTTP/1.1\r\n", *[b"a: b\r\n"] * 100, pause=0.05)


def last_words(address: str, *parts: bytes, pause: float) -> tuple[bytes, float]:
    """Send parts until the server answers; return everything that it sends, and the seconds until it closed."""
    host, port = address.split(":")
    started = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        for part in parts:
            connection.sendall(part)
            if select.select([connection], [], [], pause)[0]:
                break
        received = b""
        while data := connection.recv(65536):
            received += data
    return received, time.monotonic() - started


@pytest.mark.parametrize(
    ("framing", "drip"),
    [(b"Content-Length: 100", b"1"), (b"Transfer-Encoding: chunked", b"1;extension=of-no-use\r\n1\r\n")],
)
def test_a_body_that_arrives_in_drips_is_timed_out(address: str, framing: bytes, drip: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + framing + b"\r\n\r\n"
    received, seconds = last_words(address, head, *[drip] * 20, pause=0.7)
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and seconds < 8


def test_a_fast_beginning_of_a_body_is_no_excuse_for_drips(address: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    received, seconds = last_words(address, head + b"1" * 50_000, *[b"1"] * 20, pause=0.7)
    assert received.startswith(b"HTTP/1.1 408 ") and seconds < 8


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
def test_line_breaks_without_a_request_hold_no_connection(address: str, begin: bytes) -> None:
    host, port = address.split(":")
    started = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(begin)
        time.sleep(0.3)
        connection.sendall(b"\r\n")
        while connection.recv(65536):
            pass
    assert time.monotonic() - started < 20


def test_a_slow_body_with_progress_is_no_fault(address: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"
    assert exchange(address, head, *[b"1"] * 6, pause=0.3).endswith(b"\r\n\r\n6")


def test_an_endless_head_is_refused(address: str) -> None:
    received = exchange(address, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"x" * 70_000)
    assert received.startswith(b"HTTP/1.1 431 ")


def test_a_kept_connection_serves_several_requests(address: str) -> None:
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nabc"
    last = request.replace(b"Host", b"Connection: close\r\nHost")
    received = exchange(address, request * 2, request, last, pause=0.1)
    assert received.count(b"HTTP/1.1 200 OK") == 4


def test_too_large_headers_are_refused(address: str) -> None:
    fits = requests.get(f"http://{address}/", headers={"x-large": "x" * (LARGEST_HEADERS - 500)}, timeout=20)
    exceeds = requests.get(f"http://{address}/", headers={"x-large": "x" * LARGEST_HEADERS}, timeout=20)
    assert (fits.status_code, exceeds.status_code) == (200, 431)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused(address: str, host: str) -> None:
    answer = requests.get(f"http://{address}/", headers={"host": host}, timeout=20)
    assert answer.status_code == 403
    assert "127.0.0.1 or localhost" in answer.json()["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:9", "[::1]:80"])
def test_a_local_host_is_accepted(address: str, host: str) -> None:
    assert requests.get(f"http://{address}/", headers={"host": host}, timeout=20).status_code == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_origin_is_refused(address: str, origin: str, method: str) -> None:
    answer = requests.request(method, f"http://{address}/", headers={"origin": origin}, timeout=20)
    assert answer.status_code == 403
    assert origin in answer.json()["message"]


@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
def test_a_local_origin_is_accepted(address: str, origin: str) -> None:
    assert requests.get(f"http://{address}/", headers={"origin": origin}, timeout=20).status_code == 200


@pytest.fixture(scope="module")
def services(emulated: dict[str, str]) -> dict[str, str]:
    """The addresses of a home's services by name."""
    with open(f"{emulated['PINTEREST_HOME']}/ports.json") as file:
        ports: dict[str, Any] = json.load(file)
    return {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}


@pytest.mark.parametrize("name", ["s3", "kinesis", "kafka_rest", "api_gateway", "databricks"])
def test_every_service_refuses_foreign_hosts(services: dict[str, str], name: str) -> None:
    for host in FOREIGN_HOSTS:
        assert requests.get(f"{services[name]}/", headers={"host": host}, timeout=60).status_code == 403


@pytest.mark.parametrize("name", ["s3", "kinesis", "kafka_rest", "databricks"])
def test_services_behind_the_gateway_refuse_foreign_origins(services: dict[str, str], name: str) -> None:
    for origin in FOREIGN_ORIGINS:
        preflight = {"origin": origin, "access-control-request-method": "PUT"}
        for method, headers in (("OPTIONS", preflight), ("GET", {"origin": origin}), ("PUT", {"origin": origin})):
            answer = requests.request(method, f"{services[name]}/", headers=headers, timeout=60)
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers


def test_local_pages_may_use_the_s3_server(services: dict[str, str]) -> None:
    for origin in LOCAL_ORIGINS:
        assert requests.get(services["s3"], headers={"origin": origin}, timeout=60).status_code == 200


def test_pages_of_any_origin_may_use_the_gateway_with_its_key(emulated: dict[str, str]) -> None:
    headers = {"origin": "https://foreign.example", "x-api-key": emulated["PINTEREST_API_KEY"]}
    for path in ("streams", "topics"):
        answer = requests.get(f"{emulated['PINTEREST_API_URL']}/{path}", headers=headers, timeout=60)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
