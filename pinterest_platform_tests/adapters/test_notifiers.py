"""Alerts are delivered over real HTTP, and to the log."""

import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from pinterest_platform.adapters.notifiers import LogNotifier, WebhookNotifier, as_json, as_text
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import Alert, Cause

ALERT = Alert(
    key="u/batch_pipeline/2026-03-02",
    job="batch_pipeline",
    day=date(2026, 3, 2),
    attempts=3,
    reason="all 3 attempts failed",
    run_id="r1",
    link="http://ui.example/runs/r1",
    causes=(Cause("raw/pin", "Kafka did not respond.", "Start it."), Cause("raw/geo", "„Kafka“, too.", "Start it.")),
)


class Webhook:
    """A server that keeps the posts it receives.

    Attributes:
        url: its address.
        requests: the posts, oldest first.
        answer: returns status and headers of a reply; it may raise or wait.
    """

    def __init__(self, answer: Callable[[], tuple[int, dict[str, str]]]) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.answer = answer
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.requests.append((self.path, dict(self.headers), json.loads(body)))
                status, headers = hook.answer()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/s3cret"


@contextmanager
def webhook(answer: Callable[[], tuple[int, dict[str, str]]] = lambda: (200, {})) -> Iterator[Webhook]:
    hook = Webhook(answer)
    thread = Thread(target=hook.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()


def test_a_webhook_gets_all_fields_of_an_alert() -> None:
    with webhook() as hook:
        WebhookNotifier(lambda: hook.url, 5).notify(ALERT)
    [(path, headers, body)] = hook.requests
    assert path == "/hooks/s3cret"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == body["key"] == ALERT.key
    assert body["causes"][0] == {"asset": "raw/pin", "cause": "Kafka did not respond.", "next_step": "Start it."}
    assert {name: body[name] for name in ("job", "date", "attempts", "run_id", "run_url")} == {
        "job": "batch_pipeline",
        "date": "2026-03-02",
        "attempts": 3,
        "run_id": "r1",
        "run_url": "http://ui.example/runs/r1",
    }
    for word in ("batch_pipeline", "2026-03-02", "raw/pin", "Kafka did not respond", "Start it", "/runs/r1", "„Kafka“"):
        assert word in body["text"]


def test_names_in_a_text_are_no_markup_of_a_chat() -> None:
    cause = Cause("raw/pin", "<!channel>.json is not landed.", "Move it to topics/<topic> & retry.")
    body = as_json(replace(ALERT, causes=(cause,)))
    assert "&lt;!channel&gt;.json is not landed. Move it to topics/&lt;topic&gt; &amp; retry." in body["text"]
    assert body["causes"][0]["cause"] == "<!channel>.json is not landed."


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((500, {}), "responded with 500"),
        ((404, {}), "responded with 404"),
        # If it were followed, it would arrive as a GET without a body, and succeed.
        ((302, {"Location": "/elsewhere"}), "responded with 302"),
    ],
)
def test_a_rejected_alert_is_a_failure_that_shows_no_address(answer: tuple[int, dict[str, str]], problem: str) -> None:
    with webhook(lambda: answer) as hook, pytest.raises(TransientFailure, match=problem) as failure:
        WebhookNotifier(lambda: hook.url, 5).notify(ALERT)
    assert "s3cret" not in str(failure.value)
    assert "127.0.0.1" not in str(failure.value)


def test_a_server_that_hangs_or_is_down_is_a_failure() -> None:
    release = Event()

    def hang() -> tuple[int, dict[str, str]]:
        release.wait(60)
        return 200, {}

    with webhook(hang) as hook:
        try:
            with pytest.raises(TransientFailure, match="did not respond"):
                WebhookNotifier(lambda: hook.url, 0.2).notify(ALERT)
        finally:
            release.set()
    with pytest.raises(TransientFailure, match="did not respond") as failure:
        WebhookNotifier(lambda: hook.url, 5).notify(ALERT)
    assert "s3cret" not in str(failure.value)


def test_a_server_that_sends_a_few_bytes_at_a_time_is_a_failure_within_the_time_limit() -> None:
    release = Event()

    def drip(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\n")
            while not release.wait(0.05):
                client.sendall(b"X-Slow: 1\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=drip, args=(listener,), daemon=True).start()
        started = time.monotonic()
        try:
            with pytest.raises(TransientFailure, match="did not respond"):
                WebhookNotifier(lambda: f"http://127.0.0.1:{listener.getsockname()[1]}/", 0.5).notify(ALERT)
        finally:
            release.set()
    assert time.monotonic() - started < 30


def test_without_a_webhook_alerts_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        LogNotifier().notify(ALERT)
    assert as_text(ALERT) in caplog.text


def test_an_alert_in_a_process_without_handlers_has_time_log_and_level(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("pinterest_platform.alerts")
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [])
    for _ in range(2):
        LogNotifier().notify(ALERT)
    written = capsys.readouterr().err
    heads = re.findall(r"(?m)^\d{4}-\d\d-\d\d [\d:,]+ - pinterest_platform\.alerts - ERROR - (.*)$", written)
    assert heads == [as_text(ALERT).splitlines()[0]] * 2
