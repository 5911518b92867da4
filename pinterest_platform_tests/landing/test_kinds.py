"""The kinds of values that landing observes (rule L22)."""

import pytest

from pinterest_platform.catalog import kinds
from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.kinds import united_text
from pinterest_platform.ports import Record


def observed(*values: bytes) -> str | None:
    encoder = PartitionEncoder(0)
    for offset, value in enumerate(values):
        encoder.line(Record(offset, 1000, value))
    return encoder.kinds.text()


def test_each_field_has_the_kind_of_all_its_values() -> None:
    first = b'{"key":1,"text":"x","number":1.5,"empty":null,"late":null,"mixed":1}'
    second = b'{"number":2,"key":-7,"late":"y","mixed":"1","list":[1]}'
    expected = "empty:null,key:integer,late:text,list:other,mixed:other,number:number,text:text"
    assert observed(first, second, b"{}") == expected


def test_integers_beyond_64_bits_are_no_integers() -> None:
    assert observed(b'{"a":18446744073709551616}') == observed(b'{"a":-9223372036854775809}') == "a:number"


@pytest.mark.parametrize(
    "unusual",
    [b'{"a":1,"a":2}', b'{"a":1e999}', b'{"a-b":1}', b'{"\xc3\xa4":1}', b'{"a":%s1%s}' % (b"[" * 80, b"]" * 80)],
)
def test_after_an_unusual_record_the_kinds_are_unknown(unusual: bytes) -> None:
    assert observed(b'{"a":1}') == "a:integer"
    assert observed(b'{"a":1}', unusual, b'{"a":1}') is None


def test_rejected_records_do_not_count() -> None:
    assert observed(b'{"a":1}', b'{"a":"x"', b"[1]", b'{"_offset":"x"}') == "a:integer"


def test_kinds_fit_into_the_metadata_of_an_object() -> None:
    assert observed(b"{%s}" % b",".join(b'"field_%d":1' % number for number in range(100))) is None
    assert observed(*(b'{"field_%d":1}' % number for number in range(100_000))) is None


def test_records_of_many_shapes_are_all_observed() -> None:
    values = [
        b"{%s}" % b",".join(b'"f%d":%d' % (bit, bit) for bit in range(11) if number >> bit & 1)
        for number in range(2**11)
    ]
    assert observed(*values) == ",".join(f"{name}:integer" for name in sorted(f"f{bit}" for bit in range(11)))
    assert (observed(*values, b'{"f1":"x"}') or "").count("other") == 1


def test_kinds_are_read_back_from_their_text() -> None:
    assert kinds.from_text(observed(b'{"a":1,"b":"x"}') or "") == {"a": kinds.INTEGER, "b": kinds.TEXT}


def test_kinds_of_several_objects_are_united_and_unknown_if_some_are_or_if_they_are_too_many():
    assert united_text(["a:integer", "a:number,b:text"]) == "a:number,b:text"
    assert united_text(["a:integer", None]) is None
    assert united_text([]) is None
    assert united_text([f"{'x' * 60}{number}:integer" for number in range(10)]) is None
