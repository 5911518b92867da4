"""The declarations agree with the rules, refer to functions that exist, and are light to import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pinterest_platform.catalog import (
    ENTITIES,
    REPORTED_ENTITIES,
    REPORTS,
    Entity,
    Report,
    entity_named,
    report_with_key,
    resolve,
)
from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.dictionary import dictionary
from pinterest_platform.transforms.schemas import CLEANED, CLEANED_STREAM

DOCS = Path(__file__).parents[2] / "docs"
RULES = (DOCS / "rules.md").read_text("utf-8")


def rule(identifier: str) -> str:
    """Return the text of a rule, on one line."""
    match = re.search(rf"^- \*\*{identifier}\*\* (.*?)(?=^- |^#|\Z)", RULES, re.M | re.S)
    assert match is not None
    return " ".join(match.group(1).split())


def test_importing_the_catalog_loads_neither_pyspark_nor_dagster() -> None:
    script = (
        "import sys, pinterest_platform.catalog.dictionary\n"
        "print([name for name in ('pyspark', 'dagster', 'pandas', 'pyarrow', 'pygal') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout.strip() == "[]"


def test_the_data_dictionary_is_up_to_date() -> None:
    text = (DOCS / "data-dictionary.md").read_text("utf-8")
    assert text == dictionary(), "run python -m pinterest_platform.catalog > docs/data-dictionary.md"


@pytest.mark.parametrize("entity", ENTITIES, ids=str)
def test_every_reader_and_rule_of_an_entity_exists(entity: Entity) -> None:
    references = [field.reader for field in entity.fields] + [column.rule for column in entity.columns]
    assert all(callable(resolve(reference)) for reference in references if reference is not None)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.key)
def test_every_function_of_a_report_exists(report: Report) -> None:
    chart = None if isinstance(report.chart, Chart) else report.chart.draw
    assert all(callable(resolve(reference)) for reference in (report.rows, report.left_out, chart) if reference)


@pytest.mark.parametrize(("entity", "identifier"), [("pin", "C13"), ("geo", "C15"), ("user", "C18")])
def test_cleaned_columns_are_those_of_the_rules(entity: str, identifier: str) -> None:
    names = re.findall(r"`(\w+)`", rule(identifier).replace("(from `index`)", "").partition(".")[0])
    assert [column.name for column in entity_named(entity).columns] == names


@pytest.mark.parametrize(
    ("entity", "table"), [("pin", "pinterest_data"), ("geo", "geolocation_data"), ("user", "user_data")]
)
def test_fields_are_those_of_the_rules(entity: str, table: str) -> None:
    match = re.search(rf"`{table}` \((.*?)\)", rule("S1"))
    assert match is not None
    assert list(entity_named(entity).field_names) == re.findall(r"`(\w+)`", match.group(1))


def test_sentinels_are_those_of_the_rules() -> None:
    declared = {field.name: field.sentinels for entity in ENTITIES for field in entity.fields if field.sentinels}
    text = rule("S4").partition('"Untitled"')[0].partition("columns:")[2]
    stated: dict[str, tuple[str, ...]] = {}
    for part in text.split(";"):
        for name in re.findall(r"`(\w+)`", part):
            stated[name] = tuple(re.findall(r'"([^"]*)"', part))
    assert declared == stated


@pytest.mark.parametrize("number", range(11, 20))
def test_report_columns_are_those_of_the_rules(number: int) -> None:
    key, *columns = re.findall(r"`(\w+)`", rule(f"R{number}").partition(":")[0])
    report = report_with_key(key)
    assert report == REPORTS[number - 11]
    assert [column.name for column in report.columns] == columns


def test_cleaned_tables_have_the_declared_types_and_end_with_the_source() -> None:
    for entity in ENTITIES:
        for schema in (CLEANED[entity], CLEANED_STREAM[entity]):
            types = [(field.name, field.dataType.simpleString()) for field in schema.fields[:-1]]
            assert types == [(column.name, column.type) for column in entity.columns]
            assert schema.names[-1] == "_source"
            assert all(field.nullable for field in schema.fields)


def test_every_entity_is_in_a_report() -> None:
    assert REPORTED_ENTITIES == ENTITIES


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no entity 'board'; the entities are pin, geo, user"):
        entity_named("board")
    with pytest.raises(ValueError, match="no report 'x'; the reports are popular_category_by_country"):
        report_with_key("x")
