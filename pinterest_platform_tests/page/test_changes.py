"""The rows of a report that differ from the version before, and the sentence about its version."""

import re
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pinterest_platform.catalog import report_with_key
from pinterest_platform.page import PreviousVersion, ReportHistory, render
from pinterest_platform.page.changes import Change, changes
from pinterest_platform.page.sections import MOST_CHANGES
from pinterest_platform_tests.page.samples import HOSTILE, Page, facts, ordinary

KEY = "users_joined_by_year"
REPORT = report_with_key(KEY)
WRITTEN = datetime(2026, 1, 1, 12, tzinfo=UTC)


def rows(counts: dict[int, int]) -> list[dict[str, Any]]:
    return [{"join_year": year, "number_users_joined": count} for year, count in counts.items()]


def test_rows_are_added_changed_or_gone_by_their_key() -> None:
    before, after = rows({2015: 1, 2016: 2, 2017: 3}), rows({2016: 2, 2017: 9, 2018: 4})
    assert changes(REPORT, before, after) == [
        Change("added", after[2]),
        Change("changed", after[1], 3),
        Change("gone", before[0]),
    ]


COUNTS = st.dictionaries(st.integers(2010, 2016), st.integers(0, 3))


@given(COUNTS, COUNTS)
def test_the_changes_applied_to_the_rows_before_give_the_rows_now(
    before: dict[int, int], after: dict[int, int]
) -> None:
    result = dict(before)
    for change in changes(REPORT, rows(before), rows(after)):
        year, count = change.row["join_year"], change.row["number_users_joined"]
        if change.kind == "gone":
            assert result.pop(year) == count
        else:
            assert result.get(year) == change.before
            assert (year in result) == (change.kind == "changed")
            result[year] = count
    assert result == after


def section(previous: PreviousVersion | None, **fields: Any) -> str:
    sources = (("cleaned/pin", 7), ("cleaned/user", 9))
    history = ReportHistory(
        **({"version": 5, "written_at": WRITTEN, "sources": sources, "previous": previous} | fields)
    )
    html = render({**ordinary(), KEY: rows({2016: 2, 2017: 9, 2018: 4})}, facts(), {KEY: history})
    return html.partition(f'<section id="{KEY}"')[2].partition("</section>")[0]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", html).split())


def test_the_page_lists_the_changes_since_the_version_before() -> None:
    html = section(PreviousVersion(3, rows({2015: 1, 2016: 2, 2017: 3})))
    assert (
        "Version 5 of reports/users_joined_by_year, written 2026-01-01 12:00:00 UTC "
        "from cleaned/pin version 7, cleaned/user version 9." in text(html)
    )
    assert "Since version 3: 1 added, 1 changed, 1 gone" in text(html)
    assert Page(html).rows("") == [["added", "2018", "4", ""], ["changed", "2017", "9", "3"], ["gone", "2015", "1", ""]]


def test_no_change_is_not_the_same_as_unknown_changes() -> None:
    assert "Since version 3: 0 added, 0 changed, 0 gone" in text(
        section(PreviousVersion(3, rows({2016: 2, 2017: 9, 2018: 4})))
    )
    deleted = text(section(PreviousVersion(3, None)))
    assert "The rows of version 3 were deleted, so the changes are unknown." in deleted and "added" not in deleted
    first = text(section(None, written_at=None, sources=()))
    assert (
        "written at an unknown time from unknown versions of the cleaned tables. No earlier version is known." in first
    )


def test_a_long_list_of_changes_is_cut_and_counted() -> None:
    html = section(PreviousVersion(3, rows(dict.fromkeys(range(1000, 1000 + MOST_CHANGES), 0))))
    assert len(Page(html).rows("")) == MOST_CHANGES
    assert "3 added, 0 changed, 100 gone" in text(html) and "; 3 more are not listed" in text(html)


def test_rows_before_are_escaped() -> None:
    key = "top_poster_by_country"
    before = [{"country": value, "poster_name": value, "follower_count": 1} for value in HOSTILE]
    history = ReportHistory(2, WRITTEN, (), PreviousVersion(1, before))
    html = render(ordinary(), facts(), {key: history})
    assert Page(html).count("script") == 1
    assert Page(html).count("img") == 0


def test_the_versions_of_other_reports_that_a_chart_is_drawn_from_are_named() -> None:
    key, other = "top_country_by_followers", "top_poster_by_country"
    own = ReportHistory(1, WRITTEN, (("cleaned/pin", 1),), None)
    drawn = ReportHistory(4, WRITTEN, (("cleaned/pin", 6), ("cleaned/geo", 5)), None)
    sentence = f"The chart is also drawn from version 4 of reports/{other}, from cleaned/pin version 6, cleaned/geo"
    for histories, is_named in (({key: own, other: drawn}, True), ({key: own}, False)):
        html = render(ordinary(), facts(), histories).partition(f'<section id="{key}"')[2].partition("</section>")[0]
        assert (f"No earlier version is known. {sentence} version 5." in text(html)) == is_named
        assert ("The chart is also" in text(html)) == is_named
