"""Publishing the page, its earlier days, and the copy in the home, on fakes."""

import errno
import os
import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pinterest_platform.catalog import (
    PAGE_KEY,
    REPORT_KEYS,
    dated_page_key,
    day_of_page,
    report_with_key,
)
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.pipelines.page import copy_to_home, publish_page
from pinterest_platform.ports import RowVersion, TableFacts, silent
from pinterest_platform_tests.defs.surroundings import Surroundings
from pinterest_platform_tests.page.samples import Page

KEY = "users_joined_by_year"
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def around() -> Surroundings:
    """Sound and empty report tables."""
    around = Surroundings()
    around.fill_lake()
    return around


def publish(around: Surroundings, now: datetime, version: int) -> bool:
    """Publish the page of a version of a report."""
    uri = around.settings.names.report_uri(REPORT_KEYS[0])
    around.lake.tables[uri] = TableFacts(uri, version, 0, tuple(report_with_key(REPORT_KEYS[0]).column_types))
    return publish_page(around.lakehouse, now, silent).is_written


def pages(around: Surroundings) -> list[str]:
    return [stored.key for stored in around.objects.list("site/")]


def links(around: Surroundings, key: str = PAGE_KEY) -> list[str | None]:
    tags = Page(around.objects.read(key).decode()).tags
    return [attributes["href"] for tag, attributes in tags if tag == "a" and str(attributes["href"]).endswith(".html")]


def test_the_last_page_of_each_day_is_kept_and_the_newer_ones_link_to_it(around: Surroundings) -> None:
    for now, version in ((MONDAY, 1), (MONDAY + timedelta(hours=2), 2), (MONDAY + timedelta(days=1), 3)):
        assert publish(around, now, version)
    assert publish(around, MONDAY + timedelta(days=9), 4)
    assert pages(around) == [
        "site/2026-03-02.html",
        "site/2026-03-03.html",
        "site/2026-03-11.html",
        PAGE_KEY,
    ]
    assert links(around) == ["index.html", "2026-03-03.html", "2026-03-02.html"]
    assert links(around, "site/2026-03-03.html") == ["index.html", "2026-03-02.html"]
    assert links(around, "site/2026-03-02.html") == []
    assert "11:00:00 UTC" in around.objects.read("site/2026-03-02.html").decode()
    assert around.objects.read("site/2026-03-11.html") == around.objects.read(PAGE_KEY)


def test_a_day_without_changes_has_no_page_of_its_own(around: Surroundings) -> None:
    assert publish(around, MONDAY, 1)
    around.objects.calls.clear()
    assert not publish(around, MONDAY + timedelta(days=1), 1)
    assert "put" not in {name for name, _ in around.objects.calls}
    assert pages(around) == ["site/2026-03-02.html", PAGE_KEY]


def test_days_are_in_utc(around: Surroundings) -> None:
    publish(around, datetime(2026, 3, 3, 1, tzinfo=timezone(timedelta(hours=2))), 1)
    assert pages(around) == ["site/2026-03-02.html", PAGE_KEY]


def test_other_objects_of_the_site_are_no_earlier_pages(around: Surroundings) -> None:
    for name in ("about.html", "20260301.html", "2026-02-31.html", "2026-03-01.txt", "2026-03-01/index.html"):
        around.objects.put(f"site/{name}", b"")
    publish(around, MONDAY, 1)
    assert links(around) == []


def test_keys_of_dated_pages_are_read_back() -> None:
    day = date(2026, 3, 2)
    assert day_of_page(dated_page_key(day)) == day
    assert day_of_page(PAGE_KEY) is None


def test_the_copy_in_the_home_has_the_newest_page_and_all_that_it_links_to(
    around: Surroundings, tmp_path: Path
) -> None:
    for days in range(3):
        publish(around, MONDAY + timedelta(days=days), days + 1)
        if days != 1:
            path = copy_to_home(around.objects, tmp_path / "new home")
    assert path == tmp_path / "new home" / "site" / "index.html"
    assert path.read_bytes() == around.objects.read(PAGE_KEY)
    linked = re.findall(r'href="(\d[^"]*\.html)"', path.read_text("utf-8"))
    assert linked == ["2026-03-03.html", "2026-03-02.html"]
    for name in linked:
        assert (path.parent / name).read_bytes() == around.objects.read(f"site/{name}")


def test_a_second_page_of_the_day_replaces_the_copy(around: Surroundings, tmp_path: Path) -> None:
    for version in (1, 2):
        publish(around, MONDAY + timedelta(hours=version), version)
        copy_to_home(around.objects, tmp_path)
    assert (tmp_path / "site" / "2026-03-02.html").read_bytes() == around.objects.read(PAGE_KEY)


def test_the_copy_of_an_earlier_day_is_that_days_last_page(around: Surroundings, tmp_path: Path) -> None:
    monday = tmp_path / "site" / "2026-03-02.html"
    publish(around, MONDAY, 1)
    copy_to_home(around.objects, tmp_path)
    publish(around, MONDAY + timedelta(hours=9), 2)
    publish(around, MONDAY + timedelta(days=1), 3)
    copy_to_home(around.objects, tmp_path)
    assert monday.read_bytes() == around.objects.read("site/2026-03-02.html")
    around.objects.calls.clear()
    copy_to_home(around.objects, tmp_path)
    assert [key for name, key in around.objects.calls if name == "read"] == [PAGE_KEY]
    monday.write_bytes(b"half")
    copy_to_home(around.objects, tmp_path)
    assert monday.read_bytes() == around.objects.read("site/2026-03-02.html")


def test_a_page_that_cannot_be_written_leaves_the_copy_of_before(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(path: Path, body: bytes) -> int:
        with path.open("wb") as file:
            file.write(body[: len(body) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    publish(around, MONDAY, 1)
    page = copy_to_home(around.objects, tmp_path)
    before = page.read_bytes()
    publish(around, MONDAY + timedelta(hours=1), 2)
    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="No space"):
        copy_to_home(around.objects, tmp_path)
    assert page.read_bytes() == before
    assert sorted(path.name for path in page.parent.iterdir()) == ["2026-03-02.html", "index.html"]
    assert (page.parent / "2026-03-02.html").read_bytes() == before


def test_a_home_has_no_copy_of_a_page_that_does_not_exist(around: Surroundings, tmp_path: Path) -> None:
    with pytest.raises(PermanentFailure):
        copy_to_home(around.objects, tmp_path)


def test_a_report_is_compared_with_the_newest_version_of_other_rows(around: Surroundings) -> None:
    uri = around.settings.names.report_uri(KEY)
    now_rows, before = ([{"join_year": 2016, "number_users_joined": count}] for count in (5, 3))
    milliseconds = [int((MONDAY - timedelta(days=days)).timestamp() * 1000) for days in range(4)]
    around.lake.content[uri] = now_rows
    around.lake.older_content[uri] = {3: now_rows, 2: before, 1: now_rows}
    around.lake.history[uri] = [RowVersion(4 - days, milliseconds[days], {}) for days in range(4)]
    publish(around, MONDAY, 1)
    assert "Version 3 of reports/users_joined_by_year, written 2026-03-01 09:00:00 UTC" in shown(around)
    assert "Since version 2 of 2026-02-28 09:00:00 UTC: 0 added, 1 changed, 0 gone" in shown(around)


def test_a_report_without_a_version_of_other_rows_has_no_earlier_version(around: Surroundings) -> None:
    uri = around.settings.names.report_uri(KEY)
    around.lake.older_content[uri] = {1: []}
    around.lake.history[uri] = [RowVersion(2, 1_700_000_000_000, {}), RowVersion(1, 1_600_000_000_000, {})]
    publish(around, MONDAY, 1)
    assert "Version 1 of reports/users_joined_by_year, written 2020-09-13 12:26:40 UTC" in shown(around)
    assert "No earlier version is known." in shown(around)
    assert "Since version" not in shown(around)


def shown(around: Surroundings) -> str:
    """Return the text of the section of a report on the page."""
    section = around.objects.read(PAGE_KEY).decode().partition(f'<section id="{KEY}"')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", "", section).split())
