"""The Kinesis reader against a faulty server, and one that does not respond."""

import itertools
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pinterest_platform.adapters.kinesis import KinesisShardLog
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform_tests.adapters.test_s3 import drip
from pinterest_platform_tests.contracts.test_shard_log import settings_for
from pinterest_platform_tests.emulators.services.kinesis import reading
from pinterest_platform_tests.emulators.services.kinesis.server import Server

STREAM = "streaming-u-pin"
SHARD = "shardId-000000000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("kinesis"), "--controls").start()
    reading.create(running.client, STREAM)
    for first in range(0, 3000, 500):
        entries = [{"Data": b"%d" % number, "PartitionKey": "k"} for number in range(first, first + 500)]
        running.client.put_records(StreamName=STREAM, Records=entries)
    yield running
    running.stop()


@pytest.fixture
def log(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[KinesisShardLog]:
    yield KinesisShardLog(settings_for(server, monkeypatch, PINTEREST_IO_TIMEOUT_SECONDS=20))
    server.control("/_faults", {})


def values(log: KinesisShardLog) -> list[int]:
    numbers: list[int] = []
    for batch in log.read(STREAM, SHARD, None, batch_records=100):
        numbers += [int(record.value or b"") for record in batch.records]
        if batch.behind_ms == 0:
            return numbers
    raise AssertionError("the reader ended")


def struck(server: Server) -> dict[str, int]:
    """Return how often each fault occurred."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{server.url}/_faults", timeout=20) as answer:
        return json.loads(answer.read())["struck"]


@pytest.mark.parametrize("fault", ["throttle", "expire_iterators", "errors", "lost_replies"])
def test_nothing_is_lost_or_duplicated_by(server, log, fault):
    server.control("/_faults", {"seed": 3, fault: 0.4})
    assert values(log) == list(range(3000))
    assert log.describe(STREAM).shards[0].shard_id == SHARD
    assert struck(server)[fault] > 3


def test_nothing_is_lost_or_duplicated_by_all_faults_together(server, log):
    server.control(
        "/_faults", {"seed": 5, "throttle": 0.2, "expire_iterators": 0.2, "errors": 0.1, "lost_replies": 0.1}
    )
    assert values(log) == list(range(3000))
    assert len(struck(server)) == 4


@pytest.mark.parametrize(("fault", "text"), [("throttle", "Rate exceeded"), ("expire_iterators", "expire")])
def test_a_service_that_never_serves_is_a_failure_in_time(server, monkeypatch, fault, text):
    log = KinesisShardLog(settings_for(server, monkeypatch, PINTEREST_IO_TIMEOUT_SECONDS=1))
    server.control("/_faults", {fault: 1})
    try:
        with pytest.raises(TransientFailure, match=text):
            values(log)
    finally:
        server.control("/_faults", {})


def test_a_stream_without_a_tag_has_its_creation_time_for_an_epoch(log):
    assert log.epoch(STREAM).startswith("created-1")


def test_a_stream_with_many_shards_is_listed_whole(server, log):
    name = reading.create(server.client, "wide", 150)
    server.client.add_tags_to_stream(StreamName=name, Tags={f"a{number}": "x" for number in range(10)})
    server.client.add_tags_to_stream(StreamName=name, Tags={"epoch": "seven"})
    listed = server.client.list_shards
    log.describe(name)
    log._calls._connected.list_shards = lambda **parameters: listed(**parameters, MaxResults=40)
    state = log.describe(name)
    assert (len({shard.shard_id for shard in state.shards}), state.epoch) == (150, "seven")
    server.client.delete_stream(StreamName=name)


class Cut(BaseHTTPRequestHandler):
    """A proxy that cuts every other reply short."""

    target = ""
    turn = itertools.count()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        names = ("X-Amz-Target", "Content-Type", "Authorization", "X-Amz-Date")
        headers = {name: self.headers[name] for name in names if self.headers[name]}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.target, data=body, headers=headers), timeout=20) as answer:
            answered, kind = answer.read(), answer.headers["Content-Type"]
        if next(self.turn) % 2 == 0:
            answered = answered[: len(answered) // 2]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answered)))
        self.end_headers()
        self.wfile.write(answered)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def test_a_reply_that_was_cut_is_requested_again(server, log, monkeypatch):
    Cut.target = server.url
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Cut)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        settings = settings_for(server, monkeypatch).model_copy(
            update={"kinesis_endpoint": f"http://127.0.0.1:{proxy.server_port}"}
        )
        through = KinesisShardLog(settings)
        assert values(through) == list(range(3000))
        assert through.describe(STREAM).shards == log.describe(STREAM).shards
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("silence", ["mute", "dripping", "closed"])
def test_a_service_that_does_not_answer_is_named_in_time(server, monkeypatch, silence):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if silence == "closed":
            listener.close()
        elif silence == "dripping":
            threading.Thread(target=drip, args=(listener,), daemon=True).start()
        settings = settings_for(server, monkeypatch, PINTEREST_IO_TIMEOUT_SECONDS=2)
        log = KinesisShardLog(settings.model_copy(update={"kinesis_endpoint": address}))
        with pytest.raises(TransientFailure, match=address):
            log.describe(STREAM)
        with pytest.raises(TransientFailure, match=address):
            values(log)


def test_a_service_that_restarts_within_the_set_time_fails_no_call(server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    settings = settings_for(server, monkeypatch, PINTEREST_IO_TIMEOUT_SECONDS=20)
    log = KinesisShardLog(settings.model_copy(update={"kinesis_endpoint": f"http://127.0.0.1:{address[1]}"}))
    monkeypatch.setattr(Cut, "target", server.url)
    started: list[ThreadingHTTPServer] = []

    def start() -> None:
        started.append(ThreadingHTTPServer(address, Cut))
        started[0].serve_forever()

    timer = threading.Timer(4, start)
    timer.daemon = True
    timer.start()
    try:
        assert log.describe(STREAM).stream == STREAM
    finally:
        if started:
            started[0].shutdown()
            started[0].server_close()


def test_a_stream_that_is_being_created_cannot_be_described_yet(tmp_path: Path, monkeypatch):
    slow = Server(tmp_path / "slow")
    slow.flags = ("--transition-ms", "600000")
    slow.start()
    try:
        slow.client.create_stream(StreamName=STREAM, ShardCount=1)
        with pytest.raises(TransientFailure, match="CREATING"):
            KinesisShardLog(settings_for(slow, monkeypatch)).describe(STREAM)
    finally:
        slow.stop()


def test_missing_credentials_and_a_wrong_address_are_named(server, monkeypatch, tmp_path):
    settings = settings_for(server, monkeypatch)
    log = KinesisShardLog(settings.model_copy(update={"kinesis_endpoint": "no address"}))
    with pytest.raises(PermanentFailure, match="AWS_ENDPOINT_URL_KINESIS"):
        log.describe(STREAM)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(PermanentFailure, match="credentials"):
        KinesisShardLog(settings).describe(STREAM)
