"""The time limit of all calls of a command together."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pinterest_platform.adapters.time_limit import TimeLimitedReader
from pinterest_platform.failures import TransientFailure
from pinterest_platform.landing.kafka.quarantine import quarantined_records
from pinterest_platform_tests.adapters.test_s3 import settings_at

PAGE = (
    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    "<Contents><Key>topics/u.pin/partition=0/x</Key><Size>1</Size>"
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "x")


@contextmanager
def endless_listing(pause: float) -> Iterator[str]:
    """Yield the address of a store whose listing has always another page, each after a pause."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(pause)
            self.send_response(200)
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_calls_that_are_each_answered_in_time_end_together_within_the_setting(pause: float) -> None:
    with endless_listing(pause) as address:
        settings = settings_at(address).model_copy(update={"io_timeout_seconds": 4.0})
        store = TimeLimitedReader(settings)
        started = time.monotonic()
        with pytest.raises(TransientFailure) as failure:
            list(quarantined_records(store, "u.pin"))
    assert time.monotonic() - started < 12
    assert failure.value.what == f"S3 at {address} is too slow: its objects cannot be read within 4 s."
