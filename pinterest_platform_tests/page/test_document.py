"""The page as text: complete, escaped, self-contained, the same for the same arguments."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinterest_platform.catalog import REPORT_KEYS, REPORTS, report_with_key
from pinterest_platform.catalog.model import Format
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.page import HeadlineNumber, TimeRange, render
from pinterest_platform.page.wording import format_value
from pinterest_platform.transforms.schemas import REPORT_SCHEMAS
from pinterest_platform_tests.page.samples import HOSTILE, TYPES, Page, facts, hostile, ordinary

ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        """html head meta title link style body a header h1 h2 span p time dl div dt dd nav ol ul li main section footer
        figure figcaption svg g rect path circle line text i bdi table caption thead tbody tr th td details summary
        script""",
    )
)


def test_the_page_shows_every_report_with_the_heading_of_every_column() -> None:
    html = render(ordinary(), facts())
    for report in REPORTS:
        section = html.partition(f'<section id="{report.key}"')[2].partition("</section>")[0]
        assert re.findall(r'<th scope="col" class="\w+">(.*?)</th>', section) == [
            column.heading for column in report.columns
        ]
        assert [column.name for column in report.columns] == REPORT_SCHEMAS[report.key].fieldNames()


@pytest.mark.parametrize("reports", [ordinary(), hostile()], ids=["ordinary", "hostile"])
def test_each_report_has_a_table_with_every_row_and_one_chart(
    reports: dict[str, list[dict[str, Any]]],
) -> None:
    page = Page(render(reports, facts()))
    for report in REPORTS:
        rows = reports[report.key]
        expected = [[_cell(row[column.name], column.notation) for column in report.columns] for row in rows]
        assert page.rows(report.key) == expected
    assert page.count("svg", role="img") == len(REPORT_KEYS)


def _cell(value: Any, notation: Format) -> str:
    return "over 50" if value == "+50" else format_value(value, notation)


def test_values_of_rows_become_text_alone() -> None:
    page = Page(render(hostile(), facts()))
    assert {tag for tag, _ in page.tags} <= ELEMENTS
    named = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in named if name.startswith("on") or name in ("src", "style", "srcdoc", "xlink:href")}
    assert page.count("style") == page.count("script") == 1


def test_the_page_refers_to_nothing_outside_itself() -> None:
    html = render(ordinary(), facts())
    inline = re.sub(r'href="data:text/csv;charset=utf-8;base64,[A-Za-z0-9+/=]+"', "", html)
    assert inline.count("data:text/csv") == 0
    script = inline.partition("<script>")[2].partition("</script>")[0]
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<iframe|xlink", inline)
    assert not re.search(r"fetch|XMLHttp|import|eval|Function\(|innerHTML|insertAdjacent|document\.write", script)
    links = {str(attributes.get("href")) for _, attributes in Page(inline).tags if "href" in attributes}
    assert links == {"data:,", "#reports", *(f"#{key}" for key in REPORT_KEYS)}


def test_ids_are_unique_and_every_reference_has_its_element() -> None:
    page = Page(render(hostile(), facts()))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = {str(attributes["aria-labelledby"]) for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert referred <= set(ids)


def test_the_policy_allows_the_page_s_own_style_sheet_and_script_and_nothing_else() -> None:
    html = render(ordinary(), facts())
    style, script = (
        base64.b64encode(hashlib.sha256(html.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0].encode()).digest())
        for tag in ("style", "script")
    )
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy.group(1).replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{style.decode()}'; script-src 'sha256-{script.decode()}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_times_and_ranges_are_in_utc_and_the_tables_are_listed() -> None:
    html = render(ordinary(), facts())
    for text in (
        "2026-01-02 03:04:05 UTC",
        "2017-10-02 00:00:00 UTC",
        "2022-10-30 12:01:02 UTC",
        "2015-10-21",
        "2017-10-05",
    ):
        assert text in html
    assert ["cleaned/pin", "3", "11,154"] in Page(html).rows("")


def _headlines(html: str) -> dict[str, str]:
    return dict(
        re.findall(r"<dt>(.*?)(?: <span>.*?)?</dt><dd>(.*?)</dd>", html.partition("headlines")[2].partition("</dl>")[0])
    )


def test_headlines_show_their_numbers_and_unknown_is_not_zero() -> None:
    numbers = (HeadlineNumber("Posts", 11154), HeadlineNumber("Posters", 0), HeadlineNumber("Quarantined", None))
    arrival = datetime(2025, 12, 30, 1, 4, 5, tzinfo=UTC)
    assert _headlines(render(ordinary(), facts(headlines=numbers, newest_arrival=arrival))) == {
        "Posts": "11,154",
        "Posters": "0",
        "Quarantined": "unknown",
        "Data age": "3 days 2 h",
    }
    assert _headlines(render(ordinary(), facts())) == {"Data age": "unknown"}


def test_a_record_from_the_future_has_no_negative_age() -> None:
    arrival = facts().generated_at + timedelta(hours=1)
    assert _headlines(render(ordinary(), facts(newest_arrival=arrival)))["Data age"] == "0 s"


def test_a_report_without_rows_has_a_note_instead_of_a_chart() -> None:
    reports: dict[str, list[dict[str, Any]]] = {**ordinary(), "users_joined_by_year": []}
    html = render(reports, facts())
    assert html.count("No rows.") == 1
    assert Page(html).count("svg") == len(REPORT_KEYS) - 1
    empty = facts(ranges=(TimeRange("Posts made", None, None), TimeRange("Users joined", None, None)), tables=())
    assert render({key: [] for key in REPORT_KEYS}, empty).count("No rows.") == len(REPORT_KEYS)


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert render(hostile(), facts()).encode() == render(hostile(), facts()).encode()


def test_a_missing_report_or_column_is_named() -> None:
    reports = ordinary()
    del reports["users_joined_by_year"]
    with pytest.raises(
        PermanentFailure, match=r"report users_joined_by_year.*Materialize reports/users_joined_by_year"
    ):
        render(reports, facts())
    with pytest.raises(PermanentFailure, match="column category_count of report posts_by_category_and_year"):
        render({**ordinary(), "posts_by_category_and_year": [{"post_year": 2018, "category": "art"}]}, facts())


TEXTS = st.text(max_size=40) | st.sampled_from(HOSTILE)
COUNTS = st.integers(0, 10) | st.integers(0, 2**63 - 1)
MEDIANS = st.floats(0, 2**63, allow_nan=False) | st.integers(0, 50).map(lambda half: half / 2) | st.none()


def _rows(key: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    kinds = {"text": TEXTS, "count": COUNTS, "median": MEDIANS, "year": st.integers(1, 9999)}
    row = st.fixed_dictionaries({column.name: kinds[column.notation] for column in report_with_key(key).columns})
    return st.lists(row, max_size=6)


@settings(max_examples=25, deadline=None)
@given(st.fixed_dictionaries({key: _rows(key) for key in REPORT_KEYS}))
def test_any_rows_make_a_complete_page(reports: dict[str, list[dict[str, Any]]]) -> None:
    html = render(reports, facts())
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= ELEMENTS
    assert page.count("svg") == sum(bool(rows) for rows in reports.values())
    for key, rows in reports.items():
        assert len(page.rows(key)) == len(rows)
    assert "nan" not in "".join(re.findall(r' (?:x|y|d|width|height)="([^"]*)"', html)).lower()
    html.encode()


def test_samples_have_the_types_of_the_tables() -> None:
    """A text column treated as a number would get no hostile texts."""
    python = {"string": str, "bigint": int, "int": int, "double": float}
    fields = {
        field.name: python[field.dataType.simpleString()]
        for schema in REPORT_SCHEMAS.values()
        for field in schema.fields
    }
    assert fields == TYPES
