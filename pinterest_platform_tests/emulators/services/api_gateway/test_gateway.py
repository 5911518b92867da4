"""The gateway with the project's own document, in front of a configurable backend."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.services.api_gateway import document
from emulators.services.api_gateway.app import LARGEST_HEADERS, LARGEST_PAYLOAD, Gateway
from emulators.services.api_gateway.document import DocumentError
from emulators.services.api_gateway.integrations import make
from emulators.services.api_gateway.service import DOCUMENT
from pinterest_platform_tests.emulators.services.serving import serving

KEY = {"x-api-key": "the-key"}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]


@dataclass
class Backend:
    """Records its requests, and answers 418 by default."""

    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Response = field(default_factory=lambda: Response(b"teapot", 418, {"x-own": "1"}))

    async def __call__(self, request: Request) -> Response:
        raw = request.scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
        self.requests.append((request.method, raw, dict(request.headers), await request.body()))
        return self.answer


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def base(backend: Backend) -> Iterator[str]:
    app = Starlette(routes=[Route("/{rest:path}", backend.__call__, methods=METHODS)])
    with serving(app) as address, serving(gateway(address)) as at:
        yield f"http://{at}/staging"


def gateway(backend: str, key: str = "the-key") -> Gateway:
    return Gateway(document.read(DOCUMENT), variables(backend), key, {"kinesis": f"http://{backend}"})


def variables(kafka_rest: str) -> dict[str, str]:
    return {"kafkaRestEndpoint": kafka_rest, "kinesisRole": "role/r"}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_the_backend_and_status_headers_and_body_are_returned(
    base: str, backend: Backend, method: str
) -> None:
    answer = requests.request(method, f"{base}/topics/a%2Fb/c?x=1&y=%20", data=b"sent", headers=KEY, timeout=10)

    assert (answer.status_code, answer.headers["x-own"]) == (418, "1")
    assert answer.content == (b"" if method == "HEAD" else b"teapot")
    assert answer.headers["x-amzn-requestid"]
    sent_method, path, headers, body = backend.requests[0]
    assert (sent_method, path, body) == (method, "/topics/a%2Fb/c?x=1&y=%20", b"sent")
    assert "x-api-key" not in headers


def test_content_type_and_other_headers_are_forwarded(base: str, backend: Backend) -> None:
    sent = {**KEY, "content-type": "application/vnd.kafka.json.v2+json", "accept": "application/json", "x-some": "ü"}
    requests.post(f"{base}/t", data=b"{}", headers={**sent, "x-some": "plain"}, timeout=10)

    headers = backend.requests[0][2]
    assert headers["content-type"] == "application/vnd.kafka.json.v2+json"
    assert headers["accept"] == "application/json"
    assert headers["x-some"] == "plain"


@pytest.mark.parametrize("key", [{}, {"x-api-key": ""}, {"x-api-key": "wrong"}])
def test_without_the_key_no_request_reaches_the_backend(base: str, backend: Backend, key: dict[str, str]) -> None:
    answer = requests.post(f"{base}/topics/t", data=b"{}", headers=key, timeout=10)

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert backend.requests == []


def test_a_doubled_key_is_forbidden(base: str, backend: Backend) -> None:
    for values in (("the-key", "the-key"), ("the-key", "wrong"), ("wrong", "the-key")):
        status, body = raw_get(base, [("x-api-key", value) for value in values])
        assert (status, body) == (403, {"message": "Forbidden"})
    assert backend.requests == []


def test_request_line_and_headers_are_limited_to_10_kib(base: str, backend: Backend) -> None:
    host = base.removeprefix("http://").partition("/")[0]
    room = LARGEST_HEADERS - len("GET/staging/topics/t" + "host" + host + "x-api-key" + "the-key" + "x-large")
    assert raw_get(base, [("x-api-key", "the-key"), ("x-large", "x" * room)])[0] == 418
    for size in (room + 1, 40_000):
        status, body = raw_get(base, [("x-api-key", "the-key"), ("x-large", "x" * size)])
        assert (status, body) == (431, {"message": "Request Header Fields Too Large"})
    assert len(backend.requests) == 1


def raw_get(base: str, headers: list[tuple[str, str]]) -> tuple[int, Any]:
    """GET /topics/t with exactly these headers and Host."""
    connection = http.client.HTTPConnection(base.removeprefix("http://").partition("/")[0], timeout=10)
    connection.putrequest("GET", "/staging/topics/t", skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if answer.status != 418 else None


def test_the_bare_stage_is_no_route_and_another_stage_is_forbidden(base: str, backend: Backend) -> None:
    bare = requests.get(f"{base}/", headers=KEY, timeout=10)
    other = requests.get(base.replace("/staging", "/stagingx/topics"), headers=KEY, timeout=10)

    assert (bare.status_code, bare.json()) == (403, {"message": "Missing Authentication Token"})
    assert (other.status_code, other.json()) == (403, {"message": "Forbidden"})
    assert backend.requests == []


def test_a_browsers_preflight_is_answered_without_a_key(base: str, backend: Backend) -> None:
    answer = requests.options(f"{base}/topics/t", timeout=10)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "X-Api-Key" in answer.headers["access-control-allow-headers"]
    assert backend.requests == []


def test_the_payload_limit_is_exact_with_and_without_a_declared_length(base: str, backend: Backend) -> None:
    full = requests.post(f"{base}/t", data=b"x" * LARGEST_PAYLOAD, headers=KEY, timeout=30)
    over = requests.post(f"{base}/t", data=b"x" * (LARGEST_PAYLOAD + 1), headers=KEY, timeout=30)
    chunks = (b"x" * 2**20 for _ in range(11))
    chunked = requests.post(f"{base}/t", data=chunks, headers=KEY, timeout=30)

    assert full.status_code == 418
    assert (over.status_code, over.json()) == (413, {"message": "Request Too Long"})
    assert (chunked.status_code, chunked.json()) == (413, {"message": "Request Too Long"})
    assert [len(body) for *_, body in backend.requests] == [LARGEST_PAYLOAD]


def test_an_unreachable_backend_is_a_504_of_the_gateway() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        unused = f"127.0.0.1:{free.getsockname()[1]}"
    with serving(gateway(unused)) as at:
        answer = requests.get(f"http://{at}/staging/topics", headers=KEY, timeout=10)

    assert (answer.status_code, answer.json()) == (504, {"message": "Network error communicating with endpoint"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_backend_that_does_not_answer_in_time_is_a_504(tmp_path: Any) -> None:
    content = yaml.safe_load(DOCUMENT.read_text())
    content["paths"]["/{proxy+}"]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"][
        "timeoutInMillis"
    ] = 50
    path = tmp_path / "openapi.yaml"
    path.write_text(yaml.safe_dump(content))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silence = f"127.0.0.1:{silent.getsockname()[1]}"
        with serving(Gateway(document.read(path), variables(silence), "the-key", {"kinesis": silence})) as at:
            answer = requests.get(f"http://{at}/staging/topics", headers=KEY, timeout=10)

    assert (answer.status_code, answer.json()) == (504, {"message": "Endpoint request timed out"})


def test_redirects_and_compressed_bodies_pass_unchanged(base: str, backend: Backend) -> None:
    backend.answer = Response(b"", 302, {"location": "http://elsewhere.example/"})
    assert requests.get(f"{base}/t", headers=KEY, timeout=10, allow_redirects=False).status_code == 302
    backend.answer = Response(b"not really gzip", 200, {"content-encoding": "gzip"})
    raw = requests.get(f"{base}/t", headers=KEY, timeout=10, stream=True).raw
    assert raw.read(decode_content=False) == b"not really gzip"


@pytest.mark.parametrize(
    ("integration", "named"),
    [
        ({"type": "aws_proxy"}, "aws_proxy"),
        ({"type": "http_proxy", "uri": "http://${stageVariables.unset}/"}, "unset"),
        (
            {"type": "http_proxy", "uri": "http://h/", "requestParameters": {"integration.request.header.a": "'b'"}},
            "header",
        ),
        ({"type": "mock", "responses": {}}, "mock"),
        ({"type": "mock", "requestTemplates": {"application/json": "#set($x)"}, "responses": {"default": {}}}, "mock"),
    ],
)
def test_unsupported_integrations_are_rejected_by_name(integration: dict[str, Any], named: str) -> None:
    operation = document.Operation("GET /x", None, integration)
    with pytest.raises(DocumentError, match=named):
        make(operation, {}, None, {})  # pyright: ignore[reportArgumentType]
