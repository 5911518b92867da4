"""A network error is transient, whichever library raises it; a wrong certificate or protocol is permanent."""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.parsers
import dagster as dg
import grpc
import pytest
import requests
import urllib3.exceptions

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.network_errors import network_failure
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.settings import Settings
from pinterest_platform_tests.adapters.tls import replying, tls_listener

URL = "https://me:hunter2@store.example:9/bucket/object?signature=hunter2"


class _Unavailable(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


class _Refused(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.INVALID_ARGUMENT


def http_error(status: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError(URL, status, "words", Message(), None)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (http.client.IncompleteRead(b"12", 8), "its response was cut"),
        (http.client.RemoteDisconnected("Remote end closed connection"), "it closed the connection"),
        (http.client.BadStatusLine("x"), "it sends no HTTP"),
        (urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")), "Connection refused"),
        (urllib.error.URLError(TimeoutError("timed out")), "it sends no response within the time limit"),
        (urllib.error.URLError(OSError(113, "No route to host")), "No route to host"),
        (http_error(503), "it responds with 503"),
        (ssl.SSLError("The read operation failed"), "the TLS connection failed"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "the TLS connection failed"),
        (socket.gaierror(-3, "Temporary failure in name resolution"), "Temporary failure in name resolution"),
        (requests.ConnectionError("aborted"), "the connection failed"),
        (requests.exceptions.ChunkedEncodingError("x"), "its response was cut"),
        (urllib3.exceptions.ProtocolError("x"), "it closed the connection"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url=URL), "it sends no response within the time limit"),
        (botocore.exceptions.ResponseStreamingError(error="x"), "its response was cut"),
        (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), "its response was cut"),
        (botocore.parsers.ResponseParserError("x"), "its response was cut"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url=URL), "the connection failed"),
        (_Unavailable(), "it is unavailable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_a_network_error_is_transient_with_its_cause(error: Exception, cause: str) -> None:
    failure = network_failure(error)
    assert isinstance(failure, TransientFailure)
    assert failure.what.endswith(f"did not respond: {cause}.")
    outer = ValueError("no JSON")
    outer.__cause__ = error
    assert isinstance(network_failure(outer, "S3"), TransientFailure)
    with pytest.raises(dg.Failure) as raised, as_dagster_failure("raw/pin"):
        raise error
    assert raised.value.allow_retries


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("unknown url type: htp"),
        http_error(404),
        http.client.InvalidURL("x"),
        requests.exceptions.InvalidURL("x"),
        botocore.exceptions.ParamValidationError(report="x"),
        botocore.exceptions.ProfileNotFound(profile="x"),
        _Refused(),
        OSError("No columns"),
        ValueError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_are_not_retried(error: Exception) -> None:
    assert network_failure(error) is None
    with pytest.raises(dg.Failure) as raised, as_dagster_failure("raw/pin"):
        raise error
    assert not raised.value.allow_retries


def test_the_address_is_named_without_credentials_and_path() -> None:
    for error in (botocore.exceptions.EndpointConnectionError(endpoint_url=URL), http_error(502)):
        failure = network_failure(error)
        assert failure is not None and failure.what.startswith("https://store.example:9 did not respond")
        assert "hunter2" not in str(failure)


def settings_at(address: str) -> Settings:
    return Settings.model_validate(
        {"KAFKA_BOOTSTRAP_SERVERS": "x:1", "AWS_ENDPOINT_URL": address, "PINTEREST_IO_TIMEOUT_SECONDS": 1}
    )


CALLS: list[Callable[[str], Any]] = [
    lambda address: S3ObjectStore(settings_at(address)).read("a"),
    lambda address: ensure_bucket(settings_at(address)),
    lambda _: DeltaTables(1).open("s3://bucket/table"),
]


@pytest.fixture
def store_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Set the store's address for every client."""

    def at(address: str) -> str:
        for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "ENDPOINT_URL": address}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        return address

    return at


@pytest.mark.parametrize("call", CALLS)
def test_an_untrusted_certificate_is_permanent(
    call: Callable[[str], Any], store_at: Callable[[str], str], tmp_path: Path
) -> None:
    with tls_listener(tmp_path) as listener:
        address = store_at(f"https://{listener}")
        with pytest.raises(PermanentFailure) as failure:
            call(address)
    assert failure.value.what == f"S3 at {address} has a certificate that this machine does not trust."
    assert "Install the certificate of its CA" in failure.value.action


@pytest.mark.parametrize("call", CALLS)
def test_https_at_a_server_without_tls_is_permanent(call: Callable[[str], Any], store_at: Callable[[str], str]) -> None:
    reply = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with replying(reply) as listener:
        address = store_at(f"https://{listener}")
        with pytest.raises(PermanentFailure) as failure:
            call(address)
    assert failure.value.what == f"S3 at {address} does not use TLS."
    assert "http instead of https" in failure.value.action


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (b'HTTP/1.1 200 OK\r\nETag: "tag"\r\nContent-Length: 20\r\n\r\n12345', "its response was cut"),
        (b"SSH-2.0-other\r\n", "it closed the connection"),
    ],
)
def test_a_reply_of_s3_that_is_cut_is_transient(store_at: Callable[[str], str], reply: bytes, cause: str) -> None:
    with replying(reply) as listener:
        address = store_at(f"http://{listener}")
        with pytest.raises(TransientFailure) as failure:
            S3ObjectStore(settings_at(address)).read("a")
    assert failure.value.what == f"S3 at {address} did not respond: {cause}."


def test_a_profile_that_does_not_exist_is_permanent(
    store_at: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3ObjectStore(settings_at(store_at("http://127.0.0.1:1")))
    monkeypatch.setenv("AWS_PROFILE", "none-of-that-name")
    with pytest.raises(PermanentFailure, match=r"S3 at http://127\.0\.0\.1:1 cannot be called: .*none-of-that-name"):
        store.read("a")
