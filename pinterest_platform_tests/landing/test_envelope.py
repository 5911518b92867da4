"""Acceptance of records, and the envelope (rules L6 to L9)."""

import base64
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinterest_platform.catalog import RESERVED_FIELDS
from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.scanner import read_members
from pinterest_platform.ports import Record

ENVELOPE = {"_partition": 7, "_offset": 5, "_timestamp": 1000}


def line_of(value: bytes | None) -> bytes | str:
    return PartitionEncoder(7).line(Record(5, 1000, value))


def accepted(value: bytes) -> dict:
    line = line_of(value)
    assert isinstance(line, bytes), line
    assert line.endswith(b"}\n") and line.count(b"\n") == 1 and b"\r" not in line
    return orjson.loads(line)


def test_the_envelope_is_in_front_of_the_record_whose_bytes_are_unchanged():
    assert line_of(b'{"a":1.50,"b":"x y"}') == b'{"_partition":7,"_offset":5,"_timestamp":1000,"a":1.50,"b":"x y"}\n'


@pytest.mark.parametrize("value", [b"{}", b"{ }", b" \r\n{}\t", b"{\n}"])
def test_an_object_without_members_has_only_the_envelope(value: bytes):
    assert accepted(value) == ENVELOPE


def test_line_breaks_between_tokens_become_blanks_and_escaped_ones_are_unchanged():
    assert accepted(b'\r\n {\r\n"a"\n:\r1,\n"b":"x\\ny"}\n') == {**ENVELOPE, "a": 1, "b": "x\ny"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value (a tombstone)"),
        (b"\xff{}", "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'["a"]', "not one JSON object"),
        (b'"a"', "not one JSON object"),
        (b"null", "not one JSON object"),
        (b'{"_offset":1}', "reserved name: _offset"),
        (b'{"\\u005foffset":1,"_nested":2}', "reserved name: _nested, _offset"),
    ],
)
def test_a_rejected_record_has_a_reason(value: bytes | None, reason: str):
    assert line_of(value) == reason


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"junk", b"{}{}", b'{"a":1}\n{"a":2}', b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999,"b":NaN}',
     b"{'a':1}",
     b'{"a":"\x01"}', b'{"a":"x\ny"}', b'{"a":"\\ud80"}', b'\xef\xbb\xbf{"a":1}', b'{"a":01}', b'{"a":1,}',
     b'{"a":' + b"[" * 100_000 + b"]" * 99_999 + b"}", b'{"a":1e999}{}', b'{"a":1e999,}', b'{"a":1e999 "b":1}',
     b'{"a":[1e999,]}', b'{"a":1e999,"b":"\\ud80g"}', b'{"a":1e999,"b":"\x01"}', b'{"a":1e999,"b":01}', b'{"a":1e999',
     b'{"a":1e999,"b"}', b'{"a":1e999,"b":1.}', b'{"a":1e999]', b'{"a":1e999,"b":+1}', b'{"a":1e999,"b":"\\x"}'],
)  # fmt: skip
def test_invalid_json_is_rejected_with_the_error_of_the_parser(value: bytes):
    reason = line_of(value)
    assert isinstance(reason, str) and reason.startswith("not JSON: ")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"[1e999]", "not one JSON object"),
        (b"1e999", "not one JSON object"),
        (b'{"\\u005foffset":1e999}', "reserved name: _offset"),
        (b'{"a":1e999,"b":"\xff"}', "not UTF-8"),
    ],
)
def test_a_record_with_a_number_beyond_a_double_is_rejected_for_the_same_reasons(value: bytes, reason: str):
    assert line_of(value) == reason


HUGE = [b"1e999", b"-1E+400", b"7" * 400, b"0." + b"1" * 1200, b"[" * 65 + b"]" * 65, b"[" * 100_000 + b"]" * 100_000]


@pytest.mark.parametrize("huge", HUGE, ids=lambda huge: huge[:9])
def test_a_record_that_engines_may_fail_on_has_a_readable_line_and_its_own_bytes(huge: bytes):
    value = b'\n{"x" : ' + huge + b',\r\n"\\u0061":"\\"q\\" \\ud83d\\ude00","n":-1.50,"t":true,"z":null,"o":{}} '
    line = line_of(value)
    assert isinstance(line, bytes)
    head, readable, tail = line.split(b'"', 7)[:7], line.split(b'"', 10)[9], line.split(b'"', 10)[10]
    assert head == b'{"_partition":7,"_offset":5,"_timestamp":1000,"'.split(b'"')[:7]
    assert tail.endswith(value.strip().translate(bytes.maketrans(b"\r\n", b"  "))[1:] + b"\n")
    record = orjson.loads(base64.b64decode(readable))
    nested = ",x,o," if huge[:1] == b"[" else ",o,"
    scalars = {"a": '"q" 😀', "n": "-1.50", "t": True, "z": None}
    numbers = {} if huge[:1] == b"[" else {"x": huge.decode()}
    assert record == {**ENVELOPE, "_nested": nested, **scalars, **numbers}


@pytest.mark.parametrize("lone", [rb"\ud800", rb"\uDFFF", rb"\ud800\ud800", rb"\ud800\u0041", rb"\udc00\ud800"])
def test_a_lone_surrogate_is_accepted_and_readable_as_a_replacement_character(lone: bytes):
    value = rb'{"a":"x' + lone + rb'\\ud800\ud83d\ude00","x":["' + lone + rb'"],"b' + lone + rb'":1,"index":7}'
    line = line_of(value)
    assert isinstance(line, bytes) and line.endswith(value[1:] + b"\n")
    record = orjson.loads(base64.b64decode(line.split(b'"')[9]))
    # JSON of Python reads lone surrogates: it is the second opinion.
    text = json.loads(b'"' + lone + b'"')
    expected = "x" + "".join("\ufffd" if 0xD800 <= ord(char) < 0xE000 else char for char in text) + "\\ud800😀"
    assert (record["a"], record["index"], record["_nested"]) == (expected, "7", ",x,")
    assert "_repeated" not in record


def test_names_with_different_lone_surrogates_differ_and_equal_ones_are_repeated():
    assert b"_repeated" not in line_of(rb'{"\ud800":1,"\ud801":2}')
    assert rb'"_repeated":",a?,"' in line_of(rb'{"a\ud800":1,"a\uD800":2}')


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=9
    )
)
def test_the_scanner_reads_what_a_second_parser_reads(value: object):
    text = json.dumps({"a": value, "b": [value]}, indent=1).encode()
    members = dict(read_members(text) or [])
    assert members["b"] is None
    token = members["a"]
    assert token is None if isinstance(value, list) else token is not None and json.loads(token) == value


def test_deep_nesting_with_repeated_names_does_not_exhaust_the_stack():
    value = b'{"a":1,"a":' + b"[" * 5000 + b"]" * 5000 + b',"x":{"y":1,"y":2}}'
    line = line_of(value)
    assert isinstance(line, bytes) and b'","_repeated":",a,","_nested":",a,x,","a":1,"a":[[' in line


@pytest.mark.parametrize(
    ("value", "repeated"),
    [
        (b'{"a":1,"a":2}', ",a,"),
        (b'{"a" :1,"a":2}', ",a,"),
        (b'{"a"\t:1,"a"\n:2}', ",a,"),
        (b'{"a":1,"\\u0061":2,"b":1,"b":2,"a":3}', ",a,b,"),
        (b'{"a\\"":1,"a\\"":2}', ',a",'),
        ('{"ä":1,"ä":2}'.encode(), ",ä,"),
        (b'{"":1,"":2}', ",,"),
        (b'{"a":"\\":\\":","b":{"a":1,"a":2}}', None),
        (b'{"a":"x\\\\","b":"\\\\\\":"}', None),
        (b'{"a":"b :c","b":"{[","c":"]}"}', None),
    ],
)
def test_repeated_names_are_marked(value: bytes, repeated: str | None):
    assert accepted(value).get("_repeated") == repeated


@pytest.mark.parametrize(
    ("value", "nested"),
    [
        (b'{"a":{},"b":[],"c":1}', ",a,b,"),
        (b'{"a b":{},"c":[1]}', ",c,"),
        (b'{"a b":{}}', None),
        (b'{"a":"[{","b":"}]"}', None),
    ],
)
def test_nested_names_are_marked(value: bytes, nested: str | None):
    assert accepted(value).get("_nested") == nested


NAMES = st.sampled_from(["a", "b", "a b", 'q"', "ä", "", "\\", "😀", "index"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8) | st.just('":" : {[')
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=5
)
BLANKS = st.text(" \t\r\n", max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, object]]]:
    members = draw(st.lists(st.tuples(NAMES, VALUES), max_size=6))
    parts: list[str] = []
    for name, value in members:
        spelled = json.dumps(name, ensure_ascii=draw(st.booleans()))
        if draw(st.booleans()):
            spelled = spelled.replace("a", "\\u0061")
        blanks = draw(st.tuples(BLANKS, BLANKS, BLANKS, BLANKS))
        indent = draw(st.sampled_from([None, 1]))
        text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=indent)
        parts.append(f"{blanks[0]}{spelled}{blanks[1]}:{blanks[2]}{text}{blanks[3]}")
    outside = draw(st.tuples(BLANKS, BLANKS))
    return f"{outside[0]}{{{','.join(parts)}}}{outside[1]}".encode(), members


@given(documents())
def test_any_object_is_unchanged_and_marked_as_a_second_parser_reads_it(document):
    value, members = document
    record = accepted(value)
    names = [name for name, _ in members]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert ("_repeated" in record) == bool(twice)
    if twice and not any("," in name for name in names):
        assert sorted(record["_repeated"][1:-1].split(",")) == twice
    last = dict(members)
    nested = [name for name in last if isinstance(last[name], dict | list) and name in ("a", "b", "index")]
    assert record.get("_nested", ",,")[1:-1].split(",") == (nested or [""])
    assert {name: record[name] for name in record if name not in RESERVED_FIELDS} == orjson.loads(value)
    assert {name: record[name] for name in ENVELOPE} == ENVELOPE


@given(st.binary(max_size=40))
def test_any_bytes_give_one_line_or_a_reason(value: bytes):
    line = line_of(value)
    assert isinstance(line, str) or json.loads(line)["_offset"] == 5


@pytest.mark.parametrize("key", [b"7", b"", b"\xff\x00"])
def test_the_quarantine_line_of_a_tombstone_has_its_key(key: bytes):
    line, accepted = PartitionEncoder(7).encode(Record(5, 1000, None, key))
    assert not accepted
    entry = json.loads(line)
    assert (entry["value"], base64.b64decode(entry["key"])) == (None, key)


@pytest.mark.parametrize("value", [None, b"", b"\xff\x00"])
def test_a_quarantine_line_has_the_offset_the_reason_and_the_original_bytes(value: bytes | None):
    entry = json.loads(PartitionEncoder(7).quarantine_line(Record(5, 1000, value), "why"))
    encoded = None if value is None else base64.b64encode(value).decode()
    assert entry == {**ENVELOPE, "reason": "why", "value": encoded}
