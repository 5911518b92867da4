"""Records that are read by the kinds of their values: equal to the exact way, which reads all others (rule L22)."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from pyspark.sql import DataFrame, SparkSession

from pinterest_platform.catalog import GEO, PIN, USER, Entity, Route
from pinterest_platform.transforms import cleaning, decoding, typed
from pinterest_platform_tests import strategies
from pinterest_platform_tests.spark_fixtures import STREAM, as_json, kinds_of, lines, write_object

TEXTS = st.one_of(
    st.none(), st.text(max_size=20), st.sampled_from(["", " ", "1k", "-90.5", "\u00a0x ", "User Info Error"])
)
INTEGERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-5, 140))
NUMBERS = st.one_of(
    st.none(), st.floats(-200, 200), st.integers(-200, 200), st.floats(allow_nan=False, allow_infinity=False)
)


def rows(frame: DataFrame, entity: Entity) -> list[dict[str, Any]]:
    cleaned = cleaning.clean(frame, entity).drop(decoding.LINE).toArrow().to_pylist()
    return sorted(cleaned, key=lambda row: row["_source"]["offset"])


@pytest.mark.parametrize("entity", [PIN, GEO, USER], ids=str)
def test_rows_are_those_of_the_exact_way(spark: SparkSession, tmp_path: Path, entity: Entity) -> None:
    kinds = {"bigint": INTEGERS, "double": NUMBERS, None: TEXTS}
    values = st.fixed_dictionaries({}, optional={field.name: kinds[field.number] for field in entity.fields})
    keyed = st.builds(lambda fields, key: fields | {entity.key_field: key}, values, st.integers(-(2**63), 2**63 - 1))
    content = lines(strategies.drawn(keyed, 400))
    uri = write_object(tmp_path / "object.json", content)
    schema = typed.schema(kinds_of(content), entity, Route.KAFKA)
    assert schema is not None
    by_kinds = rows(typed.decode(spark.read.schema(schema).json([uri]), entity, STREAM, Route.KAFKA), entity)
    exact = rows(decoding.decode(spark.read.text([uri]), entity, STREAM, Route.KAFKA), entity)
    assert [str(row) for row in by_kinds] == [str(row) for row in exact]  # As text, because -0.0 == 0.0.


@pytest.mark.parametrize(
    "posted",
    [
        b'{"ind":1.5}',
        b'{"ind":1e1}',
        b'{"ind":9223372036854775808.0}',
        b'{"ind":true}',
        b'{"ind":1,"country":1.50}',
        b'{"ind":1,"country":7}',
        b'{"ind":1,"country":false}',
        b'{"ind":1,"country":["x"]}',
        b'{"ind":1,"Country":"x"}',
        b'{"ind":1,"Country":null}',
        b'{"ind":1,"_Offset":null}',
        b'{"ind":1,"_OFFSET":7}',
        b'{"ind":1,"ind":2}',
        b'{"ind":1,"latitude":"1"}',
        b'{"ind":1,"x":1%s}' % (b"0" * 400),
    ],
)
def test_only_the_exact_way_reads_other_kinds(posted: bytes) -> None:
    content = lines([{"ind": 1, "latitude": 1.5, "country": "Peru"}, posted])
    assert typed.schema(kinds_of(content), GEO, Route.KAFKA) is None


def test_a_field_that_no_record_has_does_not_matter() -> None:
    assert typed.schema(kinds_of(lines([{"ind": 1, "extra": [True]}])), GEO, Route.KAFKA) is not None
    assert typed.schema(kinds_of(lines([as_json({"ind": "1"})])), GEO, Route.KAFKA) is not None
    assert typed.schema(None, GEO, Route.KAFKA) is None
