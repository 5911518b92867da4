"""The rules of each column by example, and the newest row of a key."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import GEO, PIN, USER, Column, Entity, Field, Route
from pinterest_platform.transforms.cleaning import clean, newest, unreadable_type
from pinterest_platform.transforms.decoding import decode
from pinterest_platform.transforms.quality import schema_differences
from pinterest_platform.transforms.schemas import CLEANED
from pinterest_platform_tests.spark_fixtures import STREAM, lines, write_object


def cleaned(spark: SparkSession, folder: Path, entity: Entity, posts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    key = entity.key_field
    uri = write_object(folder / "object.json", lines([{key: number, **post} for number, post in enumerate(posts)]))
    frame = clean(decode(spark.read.text([uri]), entity, STREAM, Route.KAFKA), entity)
    assert schema_differences(frame.drop("_unreadable", "_reason", "value").schema, CLEANED[entity]) == []
    return sorted((row.asDict(recursive=True) for row in frame.collect()), key=lambda row: row["ind"])


PIN_VALUES: dict[str, dict[Any, Any]] = {
    "save_location": {
        "Local save in /data/art": "/data/art",
        " Local save in  /data/art ": "/data/art",
        "x Local save in /data": "x Local save in /data",
        "Local save in Local save in x": "Local save in x",
        "local save in x": "local save in x",
        "Local save in ": "Local save in",
        "": None,
    },
    "title": {
        "No Title Data Available": None,
        "\u00a0No Title Data Available\n": None,
        "Untitled": "Untitled",
        "User Info Error": "User Info Error",
        " two  blanks ": "two  blanks",
        5: "5",
        True: "true",
        None: None,
    },
    "description": {
        "No description available Story format": None,
        "No description available": None,
        "No description": "No description",
        "fad…\u00a0": "fad…",
    },
    "poster_name": {"User Info Error": None, "No Title Data Available": "No Title Data Available"},
    "tag_list": {"N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e": None, "a,b": "a,b"},
    "image_src": {"Image src error.": None, "Image src error": None, "https://x/y.jpg": "https://x/y.jpg"},
    "category": {"Image src error.": "Image src error.", "": None},
}


@pytest.mark.parametrize("column", PIN_VALUES)
def test_sentinels_and_blanks_become_null_in_their_columns(spark: SparkSession, tmp_path: Path, column: str) -> None:
    rows = cleaned(spark, tmp_path, PIN, [{column: posted} for posted in PIN_VALUES[column]])
    assert [row[column] for row in rows] == list(PIN_VALUES[column].values())


def test_the_sentinel_of_follower_count_is_not_counted_as_unreadable(spark: SparkSession, tmp_path: Path) -> None:
    posts = [{"follower_count": posted} for posted in ("User Info Error", "many", " 2k ", None, "")]
    rows = cleaned(spark, tmp_path, PIN, posts)
    assert [row["follower_count"] for row in rows] == [None, None, 2000, None, None]
    assert [row["_unreadable"]["follower_count"] for row in rows] == [False, True, False, False, False]


def test_coordinates_need_both_numbers_within_their_range(spark: SparkSession, tmp_path: Path) -> None:
    pairs = [(1, 2), ("-90", "180"), (90.1, 2), (1, None), (1, "x"), (None, None), (" 1.5 ", -180.0001)]
    rows = cleaned(spark, tmp_path, GEO, [{"latitude": a, "longitude": b} for a, b in pairs])
    assert [row["coordinates"] for row in rows] == [[1.0, 2.0], [-90.0, 180.0], None, None, None, None, None]
    unreadable = [[name for name, flag in row["_unreadable"].items() if flag] for row in rows]
    assert unreadable == [[], [], ["latitude"], [], ["longitude"], [], ["longitude"]]


def test_names_are_joined_by_one_blank_and_either_can_be_missing(spark: SparkSession, tmp_path: Path) -> None:
    names = [(" Ann ", "Lee"), ("Ann", None), ("", "Lee"), (None, " "), ("Ann Mary", "Lee")]
    rows = cleaned(spark, tmp_path, USER, [{"first_name": a, "last_name": b} for a, b in names])
    assert [row["user_name"] for row in rows] == ["Ann Lee", "Ann", "Lee", None, "Ann Mary Lee"]


BOARD = Entity(
    name="board",
    order=9,
    description="A board.",
    key_field="board_id",
    fields=(Field("board_id"), Field("ind"), Field("name"), Field("tags")),
    columns=(
        Column(name="ind", type="bigint", description="Key.", sources=("board_id",), nullable=False, unique=True),
        Column(name="pin", type="string", description="Pin.", sources=("ind",)),
        Column(
            name="labels",
            type="array<string>",
            description="Name and tags.",
            sources=("name", "tags"),
            rule=lambda name, tags: F.array(name, tags),
        ),
    ),
)
"""An entity without readers, with a field of the name of the key column, and with a rule of its own."""


def test_any_declared_entity_can_be_cleaned(spark: SparkSession, tmp_path: Path) -> None:
    posts = [{"board_id": "7", "ind": 3, "name": " a ", "tags": "b"}, {"board_id": "x"}]
    uri = write_object(tmp_path / "object.json", lines(posts))
    frame = clean(decode(spark.read.text([uri]), BOARD, STREAM, Route.KAFKA), BOARD)
    rows = {row["_source"]["offset"]: row.asDict(recursive=True) for row in frame.collect()}
    assert (rows[0]["ind"], rows[0]["pin"], rows[0]["labels"], rows[0]["_reason"]) == (7, "3", ["a", "b"], None)
    assert rows[1]["_reason"] == "non-integer key: board_id"
    assert list(rows[0]["_unreadable"]) == unreadable_type(BOARD).names == ["board_id"]


def test_the_newest_is_the_latest_by_time_then_partition_then_offset(spark: SparkSession) -> None:
    arrivals = [
        (1, 5, 9, 100),
        (1, 0, 0, 101),
        (2, 0, 7, 50),
        (2, 1, 3, 50),
        (3, 2, 1, 60),
        (3, 2, 4, 60),
        (3, 1, 8, 60),
    ]
    rows = spark.createDataFrame(arrivals, "ind long, p int, o long, t long").selectExpr(
        "ind", "struct(p AS `partition`, o AS `offset`, timestamp_millis(t) AS arrived_at) AS _source"
    )
    winners = newest(rows, Route.KAFKA).selectExpr("ind", "_source.`partition`", "_source.`offset`").collect()
    assert sorted(tuple(row) for row in winners) == [(1, 0, 0), (2, 1, 3), (3, 2, 4)]
