"""The Kinesis route of the project's document, executed by the gateway with a real Kinesis server."""

import base64
import json
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.services.api_gateway.document import DocumentError, Operation
from emulators.services.api_gateway.integrations import make
from emulators.services.api_gateway.service import DOCUMENT
from pinterest_platform_tests.emulators.posting.kinesis_route import KEY, gateway_before, kinesis_server
from pinterest_platform_tests.emulators.services.kinesis.server import Server
from pinterest_platform_tests.emulators.services.serving import serving

STATUSES = [200, 400, 403, 404, 413, 429, 500, 503]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with kinesis_server(tmp_path_factory.mktemp("kinesis")) as running:
        yield running


@pytest.fixture(scope="module")
def base(server: Server) -> Iterator[str]:
    with gateway_before(server.url) as url:
        yield url


@pytest.fixture
def stream(base: str) -> str:
    name = f"stream-{uuid.uuid4().hex}"
    assert ask("POST", f"{base}/streams/{name}", {"ShardCount": 1}).status_code == 200
    deadline = time.monotonic() + 20
    while ask("GET", f"{base}/streams/{name}").json()["StreamDescription"]["StreamStatus"] != "ACTIVE":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return name


def ask(method: str, url: str, body: Any = None, **headers: str) -> requests.Response:
    sent = {"x-api-key": KEY} | {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    return requests.request(method, url, data=data, headers=sent, timeout=20)


def records(base: str, stream: str) -> list[tuple[str, bytes]]:
    """Return the records that the API reads from the first shard."""
    (shard, *_) = ask("GET", f"{base}/streams/{stream}").json()["StreamDescription"]["Shards"]
    iterator = ask("GET", f"{base}/streams/{stream}/sharditerator?shard-id={shard['ShardId']}")
    assert iterator.status_code == 200
    answer = ask("GET", f"{base}/streams/{stream}/records", Shard_Iterator=iterator.json()["ShardIterator"])
    assert answer.status_code == 200
    return [(record["PartitionKey"], base64.b64decode(record["Data"])) for record in answer.json()["Records"]]


def test_a_stream_is_created_listed_described_and_deleted(base: str, server: Server) -> None:
    assert ask("POST", f"{base}/streams/life").status_code == 200
    assert "life" in ask("GET", f"{base}/streams").json()["StreamNames"]
    server.advance(5)
    described = ask("GET", f"{base}/streams/life")
    assert described.headers["content-type"] == "application/json"
    assert len(described.json()["StreamDescription"]["Shards"]) == 5

    assert ask("DELETE", f"{base}/streams/life").status_code == 200
    server.advance(5)
    answer = ask("GET", f"{base}/streams/life")
    assert (answer.status_code, answer.json()["__type"]) == (400, "ResourceNotFoundException")


@pytest.mark.parametrize(
    "kind", ["", "application/json", "application/x-amz-json-1.1", "Application/JSON; charset=utf-8"]
)
def test_records_are_put_and_read_back_whatever_the_content_type(base: str, stream: str, kind: str) -> None:
    headers = {"Content_Type": kind} if kind else {}
    data = b'{"a": 1.50, "a": "\\u00e9"}'
    body = b'{"StreamName":"another","Data":' + data + b',"PartitionKey":"7"}'
    single = ask("PUT", f"{base}/streams/{stream}/record", body, **headers)
    batch = {"records": [{"data": "text é", "partition-key": "8"}, {"data": {"b": [1, 2]}, "partition-key": "9"}]}
    two = ask("PUT", f"{base}/streams/{stream}/records", batch, **headers)

    assert (single.status_code, set(single.json())) == (200, {"ShardId", "SequenceNumber"})
    assert (two.status_code, two.json()["FailedRecordCount"]) == (200, 0)
    assert records(base, stream) == [("7", data), ("8", "text é".encode()), ("9", b'{"b": [1, 2]}')]


def test_another_content_type_is_rejected_by_the_gateway(base: str, stream: str) -> None:
    answer = ask("PUT", f"{base}/streams/{stream}/record", b"<data/>", Content_Type="application/xml")
    assert (answer.status_code, answer.json()) == (415, {"message": "Unsupported Media Type"})
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("body", [b"{", b"\xff"])
def test_a_body_that_is_not_json_is_rejected_by_the_gateway(base: str, stream: str, body: bytes) -> None:
    answer = ask("PUT", f"{base}/streams/{stream}/records", body)
    assert answer.status_code == 400
    assert "Could not parse request body into json" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("GET", "/streams/no-such", None, "ResourceNotFoundException"),
        ("DELETE", "/streams/no-such", None, "ResourceNotFoundException"),
        ("GET", "/streams/not%20a%20name", None, "ValidationException"),
        ("POST", "/streams/zero", {"ShardCount": 0}, "ValidationException"),
        ("POST", "/streams/many", {"ShardCount": "5"}, "SerializationException"),
        ("PUT", "/streams/no-such/record", {"Data": {}, "PartitionKey": "1"}, "ResourceNotFoundException"),
        ("PUT", "/streams/{}/record", {"PartitionKey": "1"}, "ValidationException"),
        ("PUT", "/streams/{}/record", {"Data": {}}, "ValidationException"),
        ("PUT", "/streams/{}/records", {}, "ValidationException"),
        ("PUT", "/streams/{}/records", {"records": [{"data": "x", "partition-key": ""}]}, "ValidationException"),
        ("PUT", "/streams/{}/records", {"records": [{"partition-key": "x"}]}, "ValidationException"),
        ("GET", "/streams/{}/sharditerator", None, "ValidationException"),
        ("GET", "/streams/{}/sharditerator?shard-id=shardId-000000000009", None, "ResourceNotFoundException"),
        ("GET", "/streams/{}/records", None, "ValidationException"),
    ],
)
def test_a_refusal_of_kinesis_keeps_its_status_and_reason(
    base: str, stream: str, method: str, path: str, body: Any, kind: str
) -> None:
    answer = ask(method, base + path.format(stream), body)
    assert (answer.status_code, answer.json()["__type"]) == (400, kind)


@pytest.mark.parametrize(
    ("faults", "status", "kind"),
    [({"throttle": 1}, 400, "ProvisionedThroughputExceededException"), ({"errors": 1}, 500, "InternalFailure")],
)
def test_throttling_and_failures_are_passed_on(
    base: str, stream: str, server: Server, faults: dict[str, int], status: int, kind: str
) -> None:
    server.control("/_faults", faults)
    try:
        answer = ask("PUT", f"{base}/streams/{stream}/record", {"Data": {}, "PartitionKey": "1"})
    finally:
        server.control("/_faults", {})
    assert (answer.status_code, answer.json()["__type"]) == (status, kind)


def test_partial_failures_are_in_the_answer(base: str, stream: str, server: Server) -> None:
    server.control("/_faults", {"partial": 0.5})
    try:
        batch = {"records": [{"data": str(key), "partition-key": str(key)} for key in range(40)]}
        answer = ask("PUT", f"{base}/streams/{stream}/records", batch)
    finally:
        server.control("/_faults", {})
    failed = [index for index, result in enumerate(answer.json()["Records"]) if "ErrorCode" in result]
    assert (answer.status_code, answer.json()["FailedRecordCount"]) == (200, len(failed))
    assert [int(key) for key, _ in records(base, stream)] == [key for key in range(40) if key not in failed]
    assert failed


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/streams"), ("PUT", "/streams/x/record"), ("DELETE", "/streams/x")]
)
def test_every_action_requires_the_key(base: str, method: str, path: str) -> None:
    answer = requests.request(method, base + path, timeout=20)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/streams", "GET,OPTIONS"),
        ("/streams/x", "DELETE,GET,OPTIONS,POST"),
        ("/streams/x/record", "OPTIONS,PUT"),
        ("/streams/x/records", "GET,OPTIONS,PUT"),
        ("/streams/x/sharditerator", "GET,OPTIONS"),
    ],
)
def test_a_browsers_preflight_is_answered_without_a_key_for_every_resource(base: str, path: str, methods: str) -> None:
    answer = requests.options(base + path, timeout=20)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == methods
    expected = {"Content-Type", "X-Api-Key"} | ({"Shard-Iterator"} if path.endswith("/records") else set())
    assert expected <= set(answer.headers["access-control-allow-headers"].split(","))


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/streams"), ("GET", "/streams/x/record"), ("PATCH", "/streams/x")]
)
def test_a_method_that_a_path_lacks_is_no_route(base: str, method: str, path: str) -> None:
    answer = ask(method, base + path)
    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})


@pytest.mark.parametrize(("status", "expected"), [(status, status) for status in STATUSES] + [(418, 502), (302, 502)])
def test_each_status_of_the_service_is_mapped_and_its_body_kept(status: int, expected: int) -> None:
    requested: list[tuple[str, str]] = []

    async def service(request: Request) -> Response:
        requested.append((request.headers["x-amz-target"], request.headers["content-type"]))
        return Response(
            b'{"own":1}', status, {"x-own": "1", "location": "/other"}, media_type="application/x-amz-json-1.1"
        )

    backend = Starlette(routes=[Route("/", service, methods=["POST"])])
    with serving(backend) as address, gateway_before(f"http://{address}") as base:
        answer = requests.get(f"{base}/streams", headers={"x-api-key": KEY}, timeout=20, allow_redirects=False)

    assert (answer.status_code, answer.content) == (expected, b'{"own":1}')
    assert (answer.headers["content-type"], "x-own" in answer.headers) == ("application/json", False)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert requested == [("Kinesis_20131202.ListStreams", "application/x-amz-json-1.1")]


def test_an_unreachable_service_is_a_504_of_the_gateway() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        unused = f"http://127.0.0.1:{free.getsockname()[1]}"
    with gateway_before(unused) as base:
        answer = ask("GET", f"{base}/streams")
    assert (answer.status_code, answer.json()) == (504, {"message": "Network error communicating with endpoint"})


def test_a_service_that_does_not_answer_in_time_is_a_504(tmp_path: Path) -> None:
    content = yaml.safe_load(DOCUMENT.read_text())
    content["paths"]["/streams"]["get"]["x-amazon-apigateway-integration"]["timeoutInMillis"] = 50
    path = tmp_path / "openapi.yaml"
    path.write_text(yaml.safe_dump(content))
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        gateway_before(f"http://127.0.0.1:{silent.getsockname()[1]}", path) as base,
    ):
        answer = ask("GET", f"{base}/streams")
    assert (answer.status_code, answer.json()) == (504, {"message": "Endpoint request timed out"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"uri": "arn:aws:apigateway:us-east-1:sqs:action/SendMessage"}, "sqs"),
        ({"uri": "arn:aws:apigateway:us-east-1:kinesis:path//"}, "path//"),
        ({"uri": "arn:${AWS::Domain}:x"}, "AWS::Domain"),
        ({"credentials": "arn:aws:iam::*:user/*"}, "credentials"),
        ({"credentials": "arn:aws:iam::000000000000:${stageVariables.unset}"}, "unset"),
        ({"requestParameters": {"integration.request.path.a": "'b'"}}, "request parameter"),
        ({"requestParameters": {"integration.request.header.a": "method.request.header.b"}}, "constant"),
        ({"requestTemplates": {"application/json": "$absent"}}, "absent"),
        ({"passthroughBehavior": "sometimes"}, "sometimes"),
        ({"contentHandling": "CONVERT_TO_TEXT"}, "contentHandling"),
        ({"responses": {}}, "no response"),
        (
            {"responses": {"200": {"statusCode": "200", "responseTemplates": {}}}},
            "statusCode, optional headers, and no more",
        ),
        (
            {"responses": {"200": {"statusCode": "200", "responseParameters": {"method.response.body": "'x'"}}}},
            "not a header",
        ),
    ],
)
def test_an_unsupported_part_is_rejected_by_name(change: dict[str, Any], named: str) -> None:
    content = yaml.safe_load(DOCUMENT.read_text())["paths"]["/streams"]["get"]["x-amazon-apigateway-integration"]
    operation = Operation("GET /streams", None, {**content, **change})
    with pytest.raises(DocumentError, match=named):
        make(operation, {"kinesisRole": "role/r"}, None, {"kinesis": "http://k"})  # pyright: ignore[reportArgumentType]


def test_a_service_without_an_address_is_rejected_by_name() -> None:
    content = yaml.safe_load(DOCUMENT.read_text())["paths"]["/streams"]["get"]["x-amazon-apigateway-integration"]
    with pytest.raises(DocumentError, match="the service kinesis has no address"):
        make(Operation("GET /streams", None, content), {"kinesisRole": "role/r"}, None, {})  # pyright: ignore[reportArgumentType]
