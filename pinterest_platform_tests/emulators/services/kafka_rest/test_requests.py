"""Parsing of produce requests."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.services.kafka_rest.errors import RestError
from emulators.services.kafka_rest.requests import read_binary, read_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
LAYOUTS = st.sampled_from([0, orjson.OPT_INDENT_2])
BYTES = st.none() | st.binary(max_size=40)
RECORDS = st.lists(
    st.fixed_dictionaries({}, optional={"key": VALUES, "value": VALUES, "partition": st.none() | st.integers(0, 9)}),
    min_size=1,
    max_size=5,
)


@given(RECORDS, LAYOUTS)
def test_keys_and_values_are_unchanged_whatever_the_blanks(records: list[dict[str, Any]], layout: int) -> None:
    body = b" " + orjson.dumps({"key_schema": None, "records": records, "value_schema_id": None}, option=layout) + b"\n"

    for record, sent in zip(read_json(body), records, strict=True):
        for part, text in (("key", record.key), ("value", record.value)):
            assert (None if text is None else orjson.loads(text)) == sent.get(part)
        assert record.partition == sent.get("partition")


@pytest.mark.parametrize(
    "text",
    [
        "1.50",
        "1e5",
        "-0",
        "123456789012345678901234567890",
        '{"a":1,"a":2}',
        '"\\u00fc and ü and 😀"',
        '{"b" : [ 1.0 ,{"c":null} ] , "":""}',
        "9" * 300,
        "-1e400",
        "7" * 5000,
        '{"a":[1E400],"b":"\\ud800"}',
    ],
)
def test_a_value_reaches_kafka_as_its_original_text(text: str) -> None:
    body = f'{{"records":[{{"key":{text},"partition":2,"value": {text} }}, {{"value":{text}}}]}}'.encode()

    first, second = read_json(body)

    assert (first.key, first.value, first.partition) == (text.encode(), text.encode(), 2)
    assert (second.key, second.value, second.partition) == (None, text.encode(), None)


def test_the_last_of_repeated_fields_counts_as_in_the_validation() -> None:
    body = b'{"records":[{"value":0}],"records":[{"value":1,"value":2},{"value":3,"value":null}]}'
    assert [record.value for record in read_json(body)] == [b"2", None]


@pytest.mark.parametrize("read", [read_json, read_binary])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"records":[{"value":NaN}]}', 400),
        (b'{"records":[{"value":"\xff"}]}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"records":null}', 422),
        (b'{"records":[]}', 422),
        (b'{"records":{}}', 422),
        (b'{"records":[1]}', 422),
        (b'{"records":[{"value":null,"partition":-1}]}', 422),
        (b'{"records":[{"value":null,"partition":true}]}', 422),
        (b'{"records":[{"value":null,"partition":"1"}]}', 422),
    ],
)
def test_an_invalid_produce_request_is_rejected(read: Any, body: bytes, status: int) -> None:
    with pytest.raises(RestError) as caught:
        read(body)
    assert (caught.value.status, caught.value.code) == (status, status)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"receiver":1,"records":[]}', "Unrecognized field: receiver"),
        (b'{"records":[{"value":1,"receiver":2}]}', "records[0]: Unrecognized field: receiver"),
        (b'{"records":[{"value":1e400,"\\ud800":2}]}', "records[0]: Unrecognized field: ?"),
    ],
)
def test_an_unknown_field_is_named(body: bytes, message: str) -> None:
    with pytest.raises(RestError) as caught:
        read_json(body)
    assert (caught.value.status, caught.value.message) == (422, message)


@pytest.mark.parametrize(
    "record",
    [
        b"7",
        b'{"value":null,"partition":-1}',
        b'{"value":null,"receiver":1}',
        b'{"value":NaN}',
        b'{"value":"\xff"}',
        b'{"value":}',
        b'{"value":"unfinished',
    ],
)
def test_a_record_that_makes_the_request_fail_is_named_by_its_index(record: bytes) -> None:
    good = b'{"value":["]",1e400,%b]}' % (b"7" * 5000)
    with pytest.raises(RestError) as caught:
        read_json(b'{"key_schema":null, "records" : [ %b , {"value":[1]},\n%b,%b]}' % (good, record, good))
    assert "records[2]" in caught.value.message


def test_a_value_that_is_not_base64_is_named_by_its_index() -> None:
    with pytest.raises(RestError) as caught:
        read_binary(b'{"records":[{"value":"YQ=="},{"value":"no base64!"}]}')
    assert "records[1]" in caught.value.message


@pytest.mark.parametrize("body", [b"{", b'{"records":[{"value":1}', b'{"records":[{"value":1}],}', b'{"records":[]'])
def test_a_fault_outside_of_the_records_names_no_index(body: bytes) -> None:
    with pytest.raises(RestError) as caught:
        read_json(body)
    assert "records[" not in caught.value.message


def outcome(body: bytes) -> bytes | None | int:
    try:
        return read_json(body)[0].value
    except RestError as error:
        return error.status


def test_deep_nesting_is_rejected_and_does_not_crash() -> None:
    for depth in (200, 300, 900, 1_020, 100_000):
        value = b"[" * depth + b"]" * depth
        assert outcome(b'{"records":[{"value":' + value + b"}]}") in (value, 400)


@given(st.lists(st.tuples(BYTES, BYTES), min_size=1, max_size=5))
def test_binary_keys_and_values_are_base64(pairs: list[tuple[bytes | None, bytes | None]]) -> None:
    def encoded(data: bytes | None) -> str | None:
        return None if data is None else base64.b64encode(data).decode()

    body = orjson.dumps({"records": [{"key": encoded(key), "value": encoded(value)} for key, value in pairs]})
    assert [(record.key, record.value) for record in read_binary(body)] == pairs


@pytest.mark.parametrize("value", ['"not base64!"', '"YQ"', "1", "{}", '"ü"'])
def test_invalid_base64_is_rejected(value: str) -> None:
    with pytest.raises(RestError) as caught:
        read_binary(f'{{"records":[{{"value":{value}}}]}}'.encode())
    assert caught.value.status == 422
