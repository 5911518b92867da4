"""Errors of a store and of a table: no response, refusal, damage."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError

from pinterest_platform.delta.commit_log import read_commit
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.positions import newest_transactions
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure

AWS = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "REGION": "us-east-1", "ALLOW_HTTP": "true"}


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], after_seconds: float = 0) -> Iterator[str]:
    """Yield the address of a server that listens later; it has a process of its own, as deltalake can hold the lock."""

    def serve() -> None:
        time.sleep(after_seconds)
        server.server_activate()
        server.serve_forever()

    # A port that is bound refuses connections until the server listens, and no other program can bind it.
    with ThreadingHTTPServer(("127.0.0.1", 0), handler, bind_and_activate=False) as server:
        server.server_bind()
        process = multiprocessing.get_context("fork").Process(target=serve, daemon=True)
        process.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            process.kill()
            process.join()


@pytest.mark.parametrize("name", ["table", "403", "status-401", "nosuchbucket", "forbidden/accessdenied"])
def test_a_port_or_a_name_does_not_make_an_outage_a_refusal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # Nothing listens on port 1; the path of the address has the number 403.
    for variable, value in {**AWS, "ENDPOINT_URL": "http://127.0.0.1:1/403/401"}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    with pytest.raises(TransientFailure) as failure:
        DeltaTables(1).open(f"s3://bucket/{name}")
    assert failure.value.what == "S3 at http://127.0.0.1:1 did not respond: Connection refused."


@pytest.mark.parametrize("seconds", [1, 6])
def test_a_refused_connection_is_retried_until_the_set_time_is_over(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    for variable, value in {**AWS, "ENDPOINT_URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    started = time.monotonic()
    with pytest.raises(TransientFailure):
        DeltaTables(seconds).open("s3://bucket/table")
    assert 0.9 * seconds <= time.monotonic() - started <= seconds + 4


def test_a_store_that_restarts_within_the_set_time_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class EmptyBucket(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_listing = "list-type" in self.path
            body = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>" if is_listing else b""
            self.send_response(200 if is_listing else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with served(EmptyBucket, after_seconds=7) as address:
        for variable, value in {**AWS, "ENDPOINT_URL": address}.items():
            monkeypatch.setenv(f"AWS_{variable}", value)
        assert DeltaTables(20).open("s3://bucket/table") is None


@pytest.mark.parametrize(("status", "cause"), [(503, "503 Service Unavailable"), (429, "429 Too Many Requests")])
def test_a_store_that_stays_unavailable_is_named_with_its_reply(
    monkeypatch: pytest.MonkeyPatch, status: int, cause: str
) -> None:
    class Unavailable(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Unavailable) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for variable, value in {**AWS, "ENDPOINT_URL": address}.items():
            monkeypatch.setenv(f"AWS_{variable}", value)
        with pytest.raises(TransientFailure) as failure:
            DeltaTables(1).open("s3://bucket/table")
        server.shutdown()
    assert failure.value.what == f"S3 at {address} did not respond: {cause}."


def test_a_server_that_is_no_store_is_no_store_without_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    class SignInPage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><body>Sign in</body></html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", "Thu, 26 Nov 2026 00:00:00 GMT")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with served(SignInPage) as address:
        for variable, value in {**AWS, "ENDPOINT_URL": address}.items():
            monkeypatch.setenv(f"AWS_{variable}", value)
        with pytest.raises(PermanentFailure, match=r"s3://bucket/table responded .* with something else"):
            DeltaTables(5).open("s3://bucket/table")


@pytest.mark.parametrize(
    ("status", "body"), [(500, ""), (400, "<?xml version='1.0'?><Error><Code>UnexpectedContent</Code></Error>")]
)
def test_a_store_that_fails_while_rows_are_written_is_transient(status: int, body: str) -> None:
    text = "Failed to parse parquet: External: Generic S3 error: Error performing PUT http://127.0.0.1:9/b/t/part-0 in "
    error = DeltaError(f"{text}0.4s - Server returned non-2xx status code: {status} Some Words: {body}")
    with pytest.raises(TransientFailure) as failure, translate_store_errors("s3://b/t"):
        raise error
    assert failure.value.what.startswith("S3 at http://127.0.0.1:9 failed on s3://b/t: ")
    assert failure.value.action == "Check the log and the free disk space of the server, then retry."


def test_a_data_file_that_is_missing_is_a_permanent_failure(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    next(tmp_path.glob("*.parquet")).unlink()
    with pytest.raises(PermanentFailure, match=r"a file that its log names does not exist.*the next run rebuilds it"):
        DeltaTables().read(DeltaTables().existing(str(tmp_path)))


def test_a_log_file_that_is_missing_is_a_permanent_failure_with_a_next_step(tmp_path: Path) -> None:
    for _ in range(4):
        write_deltalake(tmp_path, pa.table({"a": [1]}), mode="append")
    (tmp_path / "_delta_log" / f"{2:020d}.json").unlink()
    with pytest.raises(PermanentFailure, match=r"a file of its _delta_log is missing.*Restore the file"):
        DeltaTables().open(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("the disk reported an unheard-of problem", None),
        ("column cancel_date: interrupted_by conflicts", None),
        ("HTTP error: error sending request: tcp connect error: Connection refused (os error 111)", "refused"),
    ],
)
def test_an_unknown_error_is_never_transient(text: str, cause: str | None) -> None:
    kind = TransientFailure if cause else PermanentFailure
    with pytest.raises(kind) as failure, translate_store_errors("s3://bucket/table"):
        raise OSError(text)
    if cause is None:
        assert text in failure.value.what
        assert "report it" in failure.value.action


@pytest.mark.parametrize(
    "text",
    [
        "Server returned non-2xx status code \x1b[31m↳\x1b[0m 403 Forbidden",
        "Client error with status 401 Unauthorized",
        "status 400: <Error><Code>SignatureDoesNotMatch</Code></Error>",
    ],
)
def test_a_status_or_code_of_refusal_is_a_permanent_failure(text: str) -> None:
    with pytest.raises(PermanentFailure, match="The store refuses"), translate_store_errors("s3://bucket/table"):
        raise OSError(text)


@pytest.mark.parametrize(
    "line",
    [
        '{"txn":{"appId":"a/0","version":"x"}}',
        '{"txn":{"appId":"a/0"}}',
        '{"txn":null}',
        '{"commitInfo":"x"}',
        '{"commitInfo":{"operation":"OPTIMIZE"}}\n{"add":5}',
    ],
)
def test_a_commit_whose_actions_are_damaged_is_a_permanent_failure(tmp_path: Path, line: str) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    (tmp_path / "_delta_log" / f"{1:020d}.json").write_text(line + "\n")
    folder = DeltaTables().folder(str(tmp_path))
    damaged = pytest.raises(PermanentFailure, match=r"a file of it is damaged: invalid JSON in commit 1.*Restore the")
    with damaged, translate_store_errors(str(tmp_path)):
        newest_transactions(folder, 1)


def test_a_commit_without_information_about_its_writer_is_no_damage(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    (tmp_path / "_delta_log" / f"{1:020d}.json").write_text('{"commitInfo":null}\n')
    (tmp_path / "_delta_log" / f"{2:020d}.json").write_text('{"commitInfo":{"operationParameters":[1]}}\n{"add":{}}\n')
    folder = DeltaTables().folder(str(tmp_path))
    assert newest_transactions(folder, 2) is not None
    assert "an unnamed operation by an unnamed engine" in read_commit(folder, 2).describe()


@pytest.mark.parametrize("size", [0, 12, 200])
def test_a_damaged_data_file_is_named_as_such(tmp_path: Path, size: int) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    file = next(tmp_path.glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(PermanentFailure, match=r"a file of it is damaged.*the next run rebuilds it"):
        DeltaTables().read(DeltaTables().existing(str(tmp_path)))


@pytest.mark.parametrize("line", ['{"protocol":{"minReaderVersion":9,"minWriterVersion":9}}', "garbage"])
def test_a_damaged_log_is_a_permanent_failure(tmp_path: Path, line: str) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    (tmp_path / "_delta_log" / f"{1:020d}.json").write_text(line + "\n")
    tables = DeltaTables()
    with pytest.raises(PermanentFailure, match="cannot be used"):
        tables.row_count(tables.existing(str(tmp_path)))


def test_rows_with_other_columns_are_a_permanent_failure(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    with pytest.raises(PermanentFailure, match="cannot be used"), translate_store_errors(str(tmp_path)):
        write_deltalake(tmp_path, pa.table({"b": ["x"]}), mode="append")


def test_a_bucket_of_another_region_is_named_with_the_setting() -> None:
    text = "Generic S3 error Error performing GET http://127.0.0.1:9/b/t/_delta_log/_last_checkpoint in 2ms - Received "
    text += "redirect without LOCATION, this normally indicates an incorrectly configured region"
    with pytest.raises(PermanentFailure, match="Set AWS_REGION"), translate_store_errors("s3://bucket/table"):
        raise OSError(text)


def test_the_failure_of_a_missing_bucket_names_the_job_that_creates_it() -> None:
    text = "non-2xx status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>"
    with pytest.raises(PermanentFailure, match="provision"), translate_store_errors("s3://bucket/table"):
        raise OSError(text)


@pytest.mark.parametrize("layer", ["cleaned", "cleaned_stream"])
def test_a_damaged_quarantine_table_is_filled_again_by_a_full_refresh(tmp_path: Path, layer: str) -> None:
    path = tmp_path / "quarantine" / layer / "u_pin_table"
    write_deltalake(path, pa.table({"a": [1]}))
    table = DeltaTables().existing(str(path))
    (path / "_delta_log" / f"{1:020d}.json").touch()
    refill = "move the table away; a full_refresh of its cleaned table fills it again."
    with pytest.raises(PermanentFailure) as failure:
        DeltaTables().require_undamaged_log(table)
    assert failure.value.action == f"Restore what is there, or {refill}"
    next(path.glob("*.parquet")).unlink()
    with pytest.raises(PermanentFailure) as failure:
        DeltaTables().read(table)
    assert failure.value.action == f"Restore the file, or {refill}"
