"""Declarations that contradict themselves are errors that name the column and the fix."""

from typing import Any

import pytest

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.model import Column, Entity, Field, Headline, Report, ReportColumn, Time
from pinterest_platform.catalog.references import resolve
from pinterest_platform.failures import PermanentFailure

KEY_COLUMN = Column(name="ind", type="bigint", description="Key.", sources=("id",), nullable=False, unique=True)
NAME = Column(name="name", type="string", description="Name.")


def entity(**changes: Any) -> Entity:
    declared: dict[str, Any] = {
        "name": "board",
        "order": 4,
        "description": "A board.",
        "key_field": "id",
        "fields": (Field("id"), Field("name"), Field("pins", reader="a:b"), Field("unused", reader="a:b")),
        "columns": (KEY_COLUMN, NAME, Column(name="size", type="bigint", description="Pins.", sources=("pins",))),
    }
    return Entity(**(declared | changes))


GROUP = ReportColumn(name="name", type="string", heading="Name", description="Name.")
COUNT = ReportColumn(name="n", type="bigint", heading="Posts", description="Posts.")


def report(**changes: Any) -> Report:
    chart = Chart(form="bars", value="n", labels=("name",), description="Bar chart.", caption="Posts")
    declared: dict[str, Any] = {
        "key": "posts",
        "order": 10,
        "title": "Posts",
        "meaning": "Posts.",
        "reads": ("pin",),
        "columns": (GROUP, COUNT),
        "rows": "a:b",
        "chart": chart,
    }
    return Report(**(declared | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": (Field("id"), Field("name"), Field("Name"))}, "declares the field 'name' twice"),
        ({"fields": (Field("id"), Field("value"))}, "has a field 'value'"),
        ({"fields": (Field("id"), Field("2x"))}, r"declares the field '2x'\. Use letters"),
        (
            {"fields": (Field("id"), Field("_offset"))},
            r"'board' has a field '_offset': names that begin with _ are landing's own\. Rename the field\.",
        ),
        ({"fields": (Field("id"), Field("_mine"))}, "has a field '_mine': names that begin with _"),
        ({"fields": (Field("id"), Field("partition"))}, r"has a field 'partition', which is a folder .*\. Rename"),
        ({"fields": (Field("id"), Field("Shard"))}, "'board' has a field 'Shard', which is a folder of landed objects"),
        ({"fields": (Field("id"), Field("epoch"))}, "has a field 'epoch', which is a folder of landed objects"),
        ({"fields": (Field("id"), Field("Value"))}, "has a field 'Value', which is the name of the raw line"),
        ({"key_field": "ind"}, r"no field 'ind', its key_field\. Add it to fields"),
        ({"columns": (NAME,)}, "does not declare its key"),
        ({"columns": (Column(name="ind", type="string", description="Key.", sources=("id",)),)}, "declare its key"),
        ({"columns": (KEY_COLUMN, NAME, NAME)}, "declares the column 'name' twice"),
        (
            {"columns": (KEY_COLUMN, Column(name="x", type="string", description="X."))},
            r"The column 'x' of the entity 'board' has the source 'x', which is not a field\. Add it to fields",
        ),
        (
            {"columns": (KEY_COLUMN, Column(name="x", type="string", description="X.", sources=("name", "pins")))},
            "several sources and no rule",
        ),
        (
            {"columns": (KEY_COLUMN, Column(name="name", type="array<text>", description="Name."))},
            r"unknown type 'array<text>'\. Use string, bigint",
        ),
        ({"time": Time("made", "Made")}, "no column 'made', its time"),
        ({"headlines": (Headline("Names", ("name", "pins")),)}, "counts 'pins' in a headline, which is not a column"),
    ],
)
def test_an_entity_that_contradicts_itself_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PermanentFailure, match=message):
        entity(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": (GROUP, GROUP, COUNT)}, "declares the column 'name' twice"),
        ({"columns": (COUNT,)}, "has no measure"),
        (
            {"chart": Chart(form="heatmap", value="n", labels=("name",), description="Chart.", caption="Posts")},
            r"the form heatmap and across None\. Use across for heatmap\.",
        ),
        ({"chart": Chart(form="bars", value="n", description="Chart.", caption="Posts")}, "has no labels"),
        ({"columns": (ReportColumn(name="x", type="string", heading="X", description="X."), COUNT)}, "uses 'name'"),
    ],
)
def test_a_report_that_contradicts_itself_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PermanentFailure, match=message):
        report(**changes)


def test_a_report_column_of_an_unknown_type_is_an_error() -> None:
    with pytest.raises(PermanentFailure, match="unknown type 'timestamp'"):
        ReportColumn(name="at", type="timestamp", heading="At", description="Time.")


def test_fields_are_used_if_a_column_is_made_of_them() -> None:
    assert [field.name for field in entity().used_fields] == ["name", "pins"]
    assert [field.name for field in entity().read_fields] == ["pins"]


def test_entities_of_one_name_are_equal() -> None:
    assert entity() == entity(order=5, description="Another board.")
    assert len({entity(), entity(order=5), entity(name="b")}) == 2


def test_constraints_are_stated_in_words() -> None:
    column = Column(name="x", type="bigint", description="X.", minimum=0, maximum=130, constraint="even")
    assert column.constraints == ("at least 0", "at most 130", "even")


def test_a_reference_is_a_function_or_its_address() -> None:
    assert resolve(len) is len
    assert resolve("json:dumps")({"a": 1}) == '{"a": 1}'


@pytest.mark.parametrize("address", ["json:nothing", "no_such_module:f", "json", ""])
def test_an_address_without_a_function_is_an_error(address: str) -> None:
    with pytest.raises(PermanentFailure, match="cannot be imported"):
        resolve(address)
