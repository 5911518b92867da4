"""S3 that does not respond, or has a full disk, is reported with the cause."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.settings import Settings

CALLS: list[Callable[[S3ObjectStore], Any]] = [
    lambda store: list(store.list("a/")),
    lambda store: store.metadata("a/b"),
    lambda store: store.read("a/b"),
    lambda store: store.put("a/b", b"x"),
    lambda store: store.put_if_absent("c", b"x", {}),
    lambda store: store.delete(["d"]),
]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def settings_at(address: str) -> Settings:
    return Settings.model_validate(
        {"KAFKA_BOOTSTRAP_SERVERS": "x:1", "AWS_ENDPOINT_URL": address, "PINTEREST_IO_TIMEOUT_SECONDS": 0.5}
    )


@contextmanager
def address_of(kind: str) -> Iterator[str]:
    """Yield the address of a server that is down, sends no response or a very slow one, or closes every connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if kind == "down":
            listener.close()
        elif kind in ("closing", "dripping"):
            serve = close_all if kind == "closing" else drip
            threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1] if kind != 'down' else 1}"


def drip(listener: socket.socket) -> None:
    """Send every client the head of a response, and then a byte of its body ten times a second."""

    def response(client: socket.socket) -> None:
        with suppress(OSError), client:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Long: ")
            while True:
                client.sendall(b"x")
                time.sleep(0.1)

    with suppress(OSError):
        while True:
            threading.Thread(target=response, args=(listener.accept()[0],), daemon=True).start()


def close_all(listener: socket.socket) -> None:
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("down", "Connection refused"),
        ("silent", "it sends no response within the time limit"),
        ("dripping", "it sends no response within the time limit"),
        ("closing", "(it closed the connection|Connection reset by peer)"),
    ],
)
def test_an_outage_has_one_message_with_address_and_cause(kind: str, cause: str) -> None:
    with address_of(kind) as address:
        store = S3ObjectStore(settings_at(address))
        for call in [*CALLS, lambda _: ensure_bucket(settings_at(address))]:
            with pytest.raises(TransientFailure) as failure:
                call(store)

            assert re.fullmatch(rf"S3 at {address} did not respond: {cause}\.", failure.value.what), failure.value.what


@contextmanager
def responding(status: int, body: str, pause: float = 0.0, tag: str = "") -> Iterator[str]:
    """Yield the address of a server that gives every request the same response, after a pause in seconds."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def response(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            time.sleep(pause)
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            if tag:
                self.send_header("ETag", tag)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = response  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "message",
    [
        "java.io.IOException: No space left on device",
        "Storage backend has reached its minimum free drive threshold. Please delete a few objects to proceed.",
    ],
)
def test_a_full_disk_is_named_if_the_reply_names_it(message: str) -> None:
    error = f"<Error><Code>InternalError</Code><Message>{message}</Message></Error>"
    with responding(500, error) as address:
        store = S3ObjectStore(settings_at(address))
        with pytest.raises(TransientFailure) as failure:
            store.put_if_absent("a", b"x", {})
    assert failure.value.what == f"S3 at {address} has no free disk space: InternalError {message.rstrip('.')}."
    assert failure.value.action == "Free disk space on the server, then retry."


def test_an_internal_error_without_a_cause_sends_the_reader_to_log_and_disk() -> None:
    error = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
    with responding(500, error) as address:
        store = S3ObjectStore(settings_at(address))
        with pytest.raises(TransientFailure) as failure:
            store.put("a", b"x")
    assert "failed on a: InternalError We encountered an internal error." in failure.value.what
    assert failure.value.action == "Check the log and the free disk space of the server, then retry."


def test_a_server_that_is_no_store_is_not_an_empty_bucket() -> None:
    with (
        responding(200, "<html><body>Sign in</body></html>") as address,
        pytest.raises(PermanentFailure, match=r"responded to a listing of topics/\* with something else"),
    ):
        list(S3ObjectStore(settings_at(address)).list("topics/"))


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("head_object", lambda store: store.metadata("a.json")),
        ("get_object", lambda store: store.read("a.json")),
        ("put_object", lambda store: store.put("a.json", b"x")),
        ("put_object", lambda store: store.put_if_absent("a.json", b"x", {})),
    ],
)
def test_a_server_that_is_no_store_is_named_by_each_call(
    operation: str, call: Callable[[S3ObjectStore], object]
) -> None:
    with responding(200, "<html><body>Sign in</body></html>") as address:
        store = S3ObjectStore(settings_at(address))
        with pytest.raises(PermanentFailure, match=f"responded to {operation} of a.json with something else"):
            call(store)


def test_a_server_without_any_address_of_a_store_is_named_by_each_call() -> None:
    with responding(404, "Not Found") as address:
        store = S3ObjectStore(settings_at(address))
        for call in CALLS:
            with pytest.raises(PermanentFailure, match=r"with something else|a/b does not exist"):
                call(store)


def test_a_server_that_redirects_every_call_is_named() -> None:
    with responding(301, "") as address, pytest.raises(PermanentFailure, match="redirects every call"):
        list(S3ObjectStore(settings_at(address)).list("topics/"))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_stays_unavailable_has_the_message_of_an_outage(status: int) -> None:
    with responding(status, "") as address:
        store = S3ObjectStore(settings_at(address))
        for call in CALLS:
            with pytest.raises(TransientFailure) as failure:
                call(store)
            assert re.fullmatch(rf"S3 at {address} did not respond: {status} [A-Z][\w ]+\.", failure.value.what)


class _Storing(BaseHTTPRequestHandler):
    """A server that keeps the last body it was sent, after it has refused as many as `refusals`."""

    body = b""
    refusals = 0

    def do_PUT(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        kind = type(self)
        kind.refusals -= 1
        if kind.refusals < 0:
            kind.body = sent
        self.send_response(503 if kind.refusals >= 0 else 200)
        self.send_header("Content-Length", "0")
        self.send_header("ETag", '"tag"')
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def test_an_outage_shorter_than_the_setting_fails_no_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started: list[ThreadingHTTPServer] = []

    def start() -> None:
        started.append(ThreadingHTTPServer(("127.0.0.1", port), _Storing))
        started[0].serve_forever()

    threading.Timer(2.0, start).start()
    settings = settings_at(f"http://127.0.0.1:{port}").model_copy(update={"io_timeout_seconds": 20.0})
    try:
        S3ObjectStore(settings).put("a/b", b"whole body")
    finally:
        if started:
            started[0].shutdown()
            started[0].server_close()
    assert b"whole body" in _Storing.body


def test_a_server_that_is_unavailable_for_less_than_the_setting_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Storing, "refusals", 5)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Storing)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    settings = settings_at(f"http://127.0.0.1:{server.server_port}").model_copy(update={"io_timeout_seconds": 20.0})
    try:
        S3ObjectStore(settings).put("a/b", b"a later body")
    finally:
        server.shutdown()
        server.server_close()
    assert b"a later body" in _Storing.body
