"""Mapping templates: the project's own, and the rules of their execution."""

import base64
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emulators.services.api_gateway.document import DocumentError
from emulators.services.api_gateway.exchange import Call, GatewayError
from emulators.services.api_gateway.mapping import MappingTemplate
from emulators.services.api_gateway.service import DOCUMENT

PATHS: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())["paths"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
STREAM = "/streams/{stream-name}"


def own(path: str, method: str) -> MappingTemplate:
    """Return a template of the project's document."""
    templates = PATHS[path][method]["x-amazon-apigateway-integration"]["requestTemplates"]
    return MappingTemplate(path, templates["application/json"], {})


PUT_RECORD, PUT_RECORDS = own(f"{STREAM}/record", "put"), own(f"{STREAM}/records", "put")


def request_of(template: MappingTemplate, body: bytes | str = b"", query: str = "", **headers: str) -> Any:
    sent = body.encode() if isinstance(body, str) else body
    raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return json.loads(template.render(Call("PUT", {"stream-name": "a%22stream'%5C"}, query, raw, sent)))


def rendered(text: str, body: str = "", variables: dict[str, str] | None = None) -> str:
    return MappingTemplate("a test", text, variables or {}).render(Call("PUT", {}, "", (), body.encode())).decode()


@pytest.mark.parametrize(
    "data",
    [
        '{"a": 1.50, "b": [1e5, 123456789012345678901234567890], "b": "é\\u00e9\N{SPARKLES}"}',
        '"text"',
        "[1]",
        "7",
        "true",
    ],
)
def test_put_record_uses_the_original_text_of_data(data: str) -> None:
    request = request_of(PUT_RECORD, f'{{"StreamName": "other", "PartitionKey": "7", "Data":  {data} }}')
    assert base64.b64decode(request.pop("Data")).decode() == data
    assert request == {"StreamName": "a\"stream'\\", "PartitionKey": "7"}


@given(TEXTS)
def test_any_partition_key_arrives_unchanged(key: str) -> None:
    assert request_of(PUT_RECORD, json.dumps({"Data": {}, "PartitionKey": key}))["PartitionKey"] == key
    many = request_of(PUT_RECORDS, json.dumps({"records": [{"data": "x", "partition-key": key}]}))
    assert many["Records"][0]["PartitionKey"] == key


def test_a_partition_key_that_is_a_number_becomes_its_text() -> None:
    assert request_of(PUT_RECORD, '{"Data":{},"PartitionKey":7}')["PartitionKey"] == "7"
    body = '{"records":[{"data":"x","partition-key":1.50}]}'
    assert request_of(PUT_RECORDS, body)["Records"][0]["PartitionKey"] == "1.50"


@pytest.mark.parametrize("body", ["", "{}", '{"PartitionKey":null,"Data":null}', "[]", '"x"'])
def test_members_that_the_body_lacks_are_left_to_kinesis(body: str) -> None:
    assert request_of(PUT_RECORD, body) == {"StreamName": "a\"stream'\\", "PartitionKey": ""}
    assert request_of(PUT_RECORDS, body) == {"StreamName": "a\"stream'\\", "Records": []}


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_put_records_uses_texts_unchanged_and_in_order(records: list[tuple[str, str]]) -> None:
    body = json.dumps({"records": [{"data": data, "partition-key": key} for data, key in records]})
    entries = request_of(PUT_RECORDS, body)["Records"]
    assert [
        (base64.b64decode(record.get("Data", "")).decode(), record["PartitionKey"]) for record in entries
    ] == records


def test_put_records_uses_the_original_text_of_other_data() -> None:
    values = ['{"length": 1.50, "a": "x"}', "[1, 2]", "7", "1e5", "false", '{"a":1,"a":2}']
    body = ",".join(f'{{"partition-key":"k","data": {value}}}' for value in values)
    entries = request_of(PUT_RECORDS, f'{{"records":[{body}, {{"data":null,"partition-key":"k"}}]}}')["Records"]
    assert [base64.b64decode(record["Data"]).decode() for record in entries[:-1]] == values
    assert entries[-1] == {"PartitionKey": "k"}


@pytest.mark.parametrize(("body", "shards"), [("", 5), ("{}", 5), ('{"ShardCount":2}', 2), ('{"ShardCount":"2"}', "2")])
def test_create_stream_has_five_shards_by_default(body: str, shards: Any) -> None:
    assert request_of(own(STREAM, "post"), body) == {"StreamName": "a\"stream'\\", "ShardCount": shards}


def test_parameters_of_path_query_and_header_are_decoded() -> None:
    iterator = request_of(own(f"{STREAM}/sharditerator", "get"), query="shard-id=shard%2F1%22&x=y")
    assert iterator == {
        "StreamName": "a\"stream'\\",
        "ShardId": 'shard/1"',
        "ShardIteratorType": "TRIM_HORIZON",
    }
    assert request_of(own(f"{STREAM}/records", "get"), shard_iterator="AA+/==") == {"ShardIterator": "AA+/=="}


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":NaN}', b"not json"])
def test_a_body_that_is_not_json_is_a_client_error(body: bytes) -> None:
    with pytest.raises(GatewayError) as raised:
        request_of(PUT_RECORD, body)
    assert (raised.value.status, raised.value.kind) == (400, "BAD_REQUEST_BODY")


def test_a_template_that_does_not_read_the_body_accepts_any() -> None:
    assert request_of(own("/streams", "get"), b"\xff{") == {}


@pytest.mark.parametrize(
    ("template", "body", "expected"),
    [
        ("$input.body", "as it is", "as it is"),
        ("$input.json('$')", ' {"a": 1.50} ', '{"a": 1.50}'),
        ("$input.json('$.no')", "{}", '""'),
        ("[$input.path('$.no')]", "{}", "[]"),
        ("$util.base64Decode($util.base64Encode('é'))", "", "é"),
        ("$util.urlDecode($util.urlEncode('a b&é'))", "", "a b&é"),
        ("$util.parseJson('[1,2]').size()", "", "2"),
        ('$util.escapeJavaScript("it\'s ")', "", "it\\'s "),
        ("#set($x = 3)$x $stageVariables.kinesisRole", "", "3 role/x"),
        ("#foreach($e in $input.path('$'))$e$foreach.index#if($foreach.hasNext),#end#end", "[7,8]", "70,81"),
    ],
)
def test_the_language_is_amazons(template: str, body: str, expected: str) -> None:
    assert rendered(template, body, {"kinesisRole": "role/x"}) == expected


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("$unknown", r"\$unknown"),
        ("$context.requestId", r"\$context"),
        ("$util.base64encode('x')", r"\$util\.base64encode"),
        ("$input.jsn('$')", r"\$input\.jsn"),
        ("$input", r"\$input\."),
        ("#if(true) never ended", "cannot be parsed"),
    ],
)
def test_an_unsupported_template_is_rejected_with_the_document(template: str, named: str) -> None:
    with pytest.raises(DocumentError, match=named):
        MappingTemplate("PUT /x", template, {})


def test_a_template_that_fails_is_a_server_error() -> None:
    with pytest.raises(GatewayError) as raised:
        rendered("$input.path('no path')", "{}")
    assert (raised.value.status, raised.value.kind) == (500, "API_CONFIGURATION_ERROR")
