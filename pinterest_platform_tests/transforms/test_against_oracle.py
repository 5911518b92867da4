"""Every cell of the cleaned tables and the reports, compared with plain SQL on the same raw lines."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import ENTITIES, REPORTS, Entity, Route
from pinterest_platform.transforms import cleaning, decoding, reports, typed
from pinterest_platform.transforms.schemas import CLEANED, REPORT_SCHEMAS
from pinterest_platform_tests import strategies
from pinterest_platform_tests.oracle import Oracle
from pinterest_platform_tests.spark_fixtures import STREAM, kinds_of, lines, write_object

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"
EPOCH = datetime(1970, 1, 1)


def cleaned(spark: SparkSession, uri: str, entity: Entity) -> DataFrame:
    return cleaning.clean(decoding.decode(spark.read.text([uri]), entity, STREAM, Route.KAFKA), entity)


def cleaned_by_kinds(spark: SparkSession, uri: str, entity: Entity) -> DataFrame:
    """Clean the lines of an object that its kinds allow the engine's own reader to read."""
    schema = typed.schema(kinds_of(Path(uri).read_bytes().splitlines()), entity, Route.KAFKA)
    assert schema is not None
    return cleaning.clean(typed.decode(spark.read.schema(schema).json([uri]), entity, STREAM, Route.KAFKA), entity)


def newest(every: DataFrame, entity: Entity) -> DataFrame:
    return cleaning.newest(every.where("_reason IS NULL").select(*CLEANED[entity].names), Route.KAFKA)


def plain(frame: DataFrame, entity: Entity) -> list[tuple[Any, ...]]:
    """Return rows in the form of the oracle: times in microseconds, the source as columns, by key."""
    times = [field.name for field in CLEANED[entity].fields if field.dataType.simpleString() == "timestamp"]
    source = ("partition", "offset", "arrived_at")
    business = [
        F.unix_micros(name).alias(name) if name in times else F.col(name) for name in CLEANED[entity].names[:-1]
    ]
    placed = [F.col("_source").getField(name).alias(name) for name in source]
    rows = frame.select(*business, *placed).withColumn("arrived_at", F.unix_micros("arrived_at")).toArrow().to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=lambda row: row[0])


def assert_agrees(
    spark: SparkSession,
    raw: dict[str, list[bytes]],
    folder: Path,
    clean: Callable[[SparkSession, str, Entity], DataFrame] = cleaned,
) -> None:
    oracle = Oracle(raw)
    tables: dict[str, DataFrame] = {}
    for entity in ENTITIES:
        uri = write_object(folder / f"{entity}.json", raw[entity.name])
        every = clean(spark, uri, entity)
        every.write.mode("overwrite").parquet(str(folder / entity.name))
        every = spark.read.parquet(str(folder / entity.name))
        tables[entity.name] = newest(every, entity)
        differences = differing(plain(tables[entity.name], entity), oracle.cleaned(entity.name))
        assert not differences, explain(differences[0], raw[entity.name])
        rejected = every.where("_reason IS NOT NULL").select("_source.partition", "_source.offset").collect()
        assert {tuple(row) for row in rejected} == oracle.rejected(entity.name)
        fields = cleaning.UNREADABLE_FIELDS[entity]
        flags = [F.count_if(F.col("_reason").isNull() & F.col(f"_unreadable.{name}")) for name in fields]
        assert dict(zip(fields, every.select(*flags).collect()[0], strict=True)) == oracle.unreadable(entity.name)
    cleaned_tables = reports.Tables(tables)
    for declared in REPORTS:
        key = declared.key
        frame = reports.report(declared, cleaned_tables)
        assert [(field.name, field.dataType) for field in frame.schema] == [
            (f.name, f.dataType) for f in REPORT_SCHEMAS[key]
        ]
        assert [tuple(row) for row in frame.collect()] == oracle.report(key), key


def differing(actual: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> list[tuple[Any, Any]]:
    assert [row[0] for row in actual] == [row[0] for row in expected]
    return [pair for pair in zip(actual, expected, strict=True) if pair[0] != pair[1]]


def explain(pair: tuple[Any, Any], raw: Sequence[bytes]) -> str:
    posted = {(line["_partition"], line["_offset"]): line for line in map(orjson.loads, raw)}
    actual, expected = pair
    return f"\nactual   {actual}\nexpected {expected}\nposted   {posted.get((expected[-3], expected[-2]))}"


@pytest.mark.parametrize("round_number", range(2))
def test_generated_edge_cases_agree_in_every_cell(spark: SparkSession, tmp_path: Path, round_number: int) -> None:
    raw: dict[str, list[bytes]] = {}
    for entity in ENTITIES:
        posted = strategies.drawn(strategies.posts(entity.name), 500)
        raw[entity.name] = lines(strategies.mostly_unique(entity.name, posted))
    assert_agrees(spark, raw, tmp_path)


@pytest.mark.parametrize("clean", [cleaned, cleaned_by_kinds])
def test_many_ordinary_posts_with_ties_agree_in_every_report(
    spark: SparkSession, tmp_path: Path, clean: Callable[[SparkSession, str, Entity], DataFrame]
) -> None:
    chance = random.Random(7)
    posts: dict[str, list[Any]] = {entity.name: [] for entity in ENTITIES}
    for key in range(1500):
        day = datetime(2014, 12, 31, 23, 30) + timedelta(hours=chance.randrange(24 * 365 * 9))
        followers = chance.choice(["5", "1k", "2M", "1.5M", "User Info Error", None, "7", "9,999"])
        poster = chance.choice(["A", "B", "C", None, "User Info Error", "D "])
        category = chance.choice(["art", "beauty", "quotes", None])
        posts["pin"].append({"index": key, "category": category, "poster_name": poster, "follower_count": followers})
        country = chance.choice(["Albania", "Aruba", "Fiji", None, "Peru", "Chad"])
        posts["geo"].append({"ind": key + 3, "country": country, "timestamp": day.isoformat()})
        name, age = chance.choice(["X", "Y", None]), chance.choice([17, 18, 24, 25, 35, 36, 50, 51, 130, None, 131])
        joined = chance.choice([day.isoformat(), "2016-01-01", "2015-12-31 23:59:59", "2021-01-01", None])
        posts["user"].append({"ind": key - 3, "first_name": name, "age": age, "date_joined": joined})
    assert_agrees(spark, {entity: lines(values) for entity, values in posts.items()}, tmp_path, clean)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real rows are not here")
def test_real_rows_posted_twice_in_another_order_agree_in_every_cell(spark: SparkSession, tmp_path: Path) -> None:
    raw: dict[str, list[bytes]] = {}
    for entity in ENTITIES:
        posted = (REAL / f"{entity}.jsonl").read_bytes().splitlines()
        repeated = random.Random(1).sample(posted, len(posted))
        raw[entity.name] = [*lines(posted), *lines(repeated, partition=1, start=500)]
    assert_agrees(spark, raw, tmp_path)


@pytest.mark.parametrize("clean", [cleaned, cleaned_by_kinds])
def test_generated_sample_agrees_in_every_cell(
    spark: SparkSession, tmp_path: Path, clean: Callable[[SparkSession, str, Entity], DataFrame]
) -> None:
    generator = pytest.importorskip("emulators.source_db.generator")
    posts: dict[str, list[Any]] = {entity.name: [] for entity in ENTITIES}
    for chunk in generator.generate(rows=11_154, seed=100):
        for entity, rows in chunk.items():
            posts[entity] += rows
    assert_agrees(spark, {entity: lines(rows) for entity, rows in posts.items()}, tmp_path, clean)
