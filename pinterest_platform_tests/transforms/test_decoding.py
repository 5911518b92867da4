"""The texts that a raw line becomes, and the reasons to reject it."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import GEO, Entity, Route
from pinterest_platform.transforms import decoding
from pinterest_platform.transforms.decoding import LINE, decode
from pinterest_platform_tests.spark_fixtures import NOON, STREAM, lines, write_object


def decoded(spark: SparkSession, folder: Path, entity: Entity, *values: bytes) -> list[dict[str, Any]]:
    uri = write_object(folder / "object.json", lines(values, partition=2, start=10))
    rows = decode(spark.read.text([uri]), entity, STREAM, Route.KAFKA).collect()
    assert len(rows) == len(values)
    return sorted((row.asDict(recursive=True) for row in rows), key=lambda row: row["_source"]["offset"])


def reasons(spark: SparkSession, folder: Path, *values: bytes) -> list[str | None]:
    return [row["_reason"] for row in decoded(spark, folder, GEO, *values)]


def test_bare_numbers_and_booleans_become_the_text_that_was_posted(spark: SparkSession, tmp_path: Path) -> None:
    posted = [
        b"1.50",
        b"1e3",
        b"-0",
        b"true",
        b"123456789012345678901234567890",
        b"-84.8378",
        b'"1.50"',
        b"null",
        b"2.5E-3",
    ]
    rows = decoded(spark, tmp_path, GEO, *(b'{"ind":1,"country":%b}' % value for value in posted))
    expected = ["1.50", "1e3", "-0", "true", "123456789012345678901234567890", "-84.8378", "1.50", None, "2.5E-3"]
    assert [row["country"] for row in rows] == expected


def test_numbers_put_in_quotes_for_engines_that_shorten_them_read_as_posted(spark: SparkSession) -> None:
    posted = {
        rb'{"n":1.50}': "1.50",
        rb'{"m":{"n":7.70},"n" : -0 , "o":[1.10]}': "-0",
        rb'{"text":"\"n\":9.90 \\","n":1E3}': "1E3",
        rb'{"text":"\\\"1.50,","\u006e":2.5e-300,"t":true}': "2.5e-300",
        rb'{"n":"a \"1.50\" \\ \u0001\\"}': 'a "1.50" \\ \x01\\',
        rb'{"text":"'
        + rb"\"1.5," * 50_000
        + rb'","n":12345678901234567890.123456789}': "12345678901234567890.123456789",
    }
    lines_of = spark.createDataFrame([(number, line.decode()) for number, line in enumerate(posted)], ["number", LINE])
    texts = lines_of.select("number", F.get_json_object(decoding._quoted(F.col(LINE)), "$.n")).collect()
    assert [text for _, text in sorted(texts)] == list(posted.values())


def test_extra_fields_are_ignored_however_they_look(spark: SparkSession, tmp_path: Path) -> None:
    extras = [b'"x":[1,{"ind":5}]', b'"IND":9', b'"Country":"y"', b'"country ":"z"', b'"x":' + b"[" * 100 + b"]" * 100]
    rows = decoded(spark, tmp_path, GEO, *(b'{"ind":1,"country":"a",%b}' % extra for extra in extras))
    assert [(row["ind"], row["country"], row["_reason"]) for row in rows] == [("1", "a", None)] * len(extras)


def test_a_line_is_one_record_whatever_characters_it_contains(spark: SparkSession, tmp_path: Path) -> None:
    text = "a\u0085b\u2028c\u2029d🎨\x7f"
    posted = [
        f'{{"ind":1,\r\n"country":"{text}"}}',
        '{"ind":2,"country":"\\u0000\\n\\ud83c\\udfa8"}',
        f'{{"ind":3,"country":"{"é" * 2**19}"}}',
    ]
    rows = decoded(spark, tmp_path, GEO, *(value.encode() for value in posted))
    assert [row["country"] for row in rows] == [text, "\x00\n🎨", "é" * 2**19]


def test_a_record_has_its_source(spark: SparkSession, tmp_path: Path) -> None:
    source = decoded(spark, tmp_path, GEO, b'{"ind":1}')[0]["_source"]
    assert (source["stream"], source["partition"], source["offset"]) == (STREAM, 2, 10)
    assert source["arrived_at"].timestamp() * 1000 == NOON + 10


def test_keys_are_integers_that_fit_a_long_as_text_or_number(spark: SparkSession, tmp_path: Path) -> None:
    accepted = [b"1", b'"1"', b'" 7 "', b"-1", b'"-0"', b"9223372036854775807", b'"007"', b"1.0", b"1e3", b'" 1E1 "']
    assert reasons(spark, tmp_path, *(b'{"ind":%b}' % key for key in accepted)) == [None] * len(accepted)
    rejected = [
        b"1.5",
        b"1e-3",
        b"1E400",
        b"1" * 400,
        b'"x"',
        b"true",
        b"9223372036854775808",
        b'"+1"',
        b'"1 2"',
        '"١"'.encode(),
    ]
    expected = ["non-integer key: ind"] * len(rejected)
    assert reasons(spark, tmp_path, *(b'{"ind":%b}' % key for key in rejected)) == expected


def test_each_kind_of_rejection_names_its_reason(spark: SparkSession, tmp_path: Path) -> None:
    posted = {
        b"{}": "missing key: ind",
        b'{"ind":null}': "missing key: ind",
        b'{"ind":" "}': "missing key: ind",
        b'{"IND":1}': "missing key: ind",
        b'{"ind":1,"country":{}}': "object or array in a known field: country",
        b'{"ind":[1],"timestamp":[]}': "object or array in a known field: ind,timestamp",
        b'{"ind":1,"ind":1}': "duplicate names: ind",
        b'{"ind":1,"x":1,"x":2,"a":[],"a":{}}': "duplicate names: x,a",
        b'{"ind":1,"x":1E400,"country":{}}': "object or array in a known field: country",
        b'{"ind":1,"x":1E400,"x":' + b"[" * 5000 + b"]" * 5000 + b"}": "duplicate names: x",
    }
    assert reasons(spark, tmp_path, *posted) == list(posted.values())


@pytest.mark.parametrize(
    "extra",
    [b"[" * depth + b"]" * depth for depth in (100, 126, 127, 200, 5000)]
    + [b"1E400", b"7" * 400, b"7" * 1200, rb'"\ud800"', rb'{"\udfff":["\ud800"]}'],
)
def test_extra_fields_are_ignored_at_any_depth_and_size(spark: SparkSession, tmp_path: Path, extra: bytes) -> None:
    value = (
        b'{"ind":"1.0","x":' + extra + b',"country":"a \\"b\\" \\\\","latitude":1.50,"longitude":true,"timestamp":null}'
    )
    row = decoded(spark, tmp_path, GEO, value)[0]
    assert row["_reason"] is None
    assert [row[name] for name in GEO.field_names] == ["1.0", None, "1.50", "true", 'a "b" \\']


def test_numbers_of_any_size_are_the_text_of_a_known_field(spark: SparkSession, tmp_path: Path) -> None:
    row = decoded(spark, tmp_path, GEO, b'{"ind":1,"latitude":1E400,"country":' + b"7" * 400 + b"}")[0]
    assert (row["latitude"], row["country"], row["_reason"]) == ("1E400", "7" * 400, None)


def test_a_lone_surrogate_in_a_known_field_is_a_replacement_character(spark: SparkSession, tmp_path: Path) -> None:
    row = decoded(spark, tmp_path, GEO, rb'{"ind":1,"country":"a\ud800\\ud800\ud83d\ude00"}')[0]
    assert (row["country"], row["_reason"]) == ("a\ufffd\\ud800😀", None)


def legacy_line(spark: SparkSession, folder: Path, fields: bytes) -> dict[str, Any]:
    """Decode a line as landing wrote it before it added readable lines."""
    uri = write_object(folder / "object.json", [b'{"_partition":2,"_offset":10,"_timestamp":%d,%b}\n' % (NOON, fields)])
    return decode(spark.read.text([uri]), GEO, STREAM, Route.KAFKA).collect()[0].asDict(recursive=True)


def test_a_line_that_was_landed_without_a_readable_line_is_decoded(spark: SparkSession, tmp_path: Path) -> None:
    deep = b"[" * 500 + b"]" * 500
    row = legacy_line(spark, tmp_path, b'"_nested":",x,","ind":7,"country":"a","x":' + deep)
    assert (row["ind"], row["country"], row["_reason"]) == ("7", "a", None)
    row = legacy_line(spark, tmp_path, b'"_repeated":",x,","_nested":",x,","ind":7,"x":1,"x":' + deep)
    assert row["_reason"] == "duplicate names: x"


def test_a_line_that_cannot_be_decoded_still_shows_its_position_and_text(spark: SparkSession, tmp_path: Path) -> None:
    row = legacy_line(spark, tmp_path, b'"ind":1,"x":tru')
    assert row["_reason"] == "damaged: the line is not JSON"
    assert (row["_source"]["partition"], row["_source"]["offset"], row["value"].endswith(":tru}")) == (2, 10, True)
