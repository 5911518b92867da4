"""The script of the page in a real browser: sorting, filtering, the CSV file, the keyboard, and the page without it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page

from pinterest_platform.catalog import REPORTS
from pinterest_platform.page import PreviousVersion, ReportHistory, render
from pinterest_platform.page.csv_download import csv_text
from pinterest_platform_tests.page.samples import facts, hostile, ordinary

KEY = "top_poster_by_country"
HISTORY = ReportHistory(2, facts().generated_at, (), PreviousVersion(1, [ordinary()[KEY][0]]))


@pytest.fixture
def html() -> str:
    return render(ordinary(), facts(), {KEY: HISTORY})


@pytest.fixture
def page(browser: Browser, tmp_path: Path, html: str) -> Iterator[Page]:
    (tmp_path / "index.html").write_text(html, "utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto((tmp_path / "index.html").as_uri())
    yield page
    page.close()
    assert messages == []


def column(page: Page, index: int, key: str = KEY) -> list[str]:
    return page.locator(f"#{key} .pair tbody td:nth-child({index})").all_inner_texts()


def head(page: Page, name: str, key: str = KEY) -> Locator:
    return page.locator(f"#{key} .pair thead").get_by_role("button", name=name)


def rows_with(*words: str) -> list[str]:
    """Return the countries of the rows that hold every word."""
    texts = {f"Country {at:03}": f"country {at:03}poster {at}{at * 50_000:,}" for at in range(242)}
    return [country for country, text in texts.items() if all(word in text for word in words)]


def test_a_number_column_sorts_by_value_up_then_down_then_as_the_report(page: Page) -> None:
    counts = [row["follower_count"] for row in ordinary()[KEY]]
    assert column(page, 3) == [f"{count:,}" for count in counts]
    for order, expected in (
        ("descending", sorted(counts, reverse=True)),
        (None, counts),
        ("ascending", sorted(counts)),
    ):
        if order == "descending":
            head(page, "Followers").click()
        head(page, "Followers").click()
        assert column(page, 3) == [f"{count:,}" for count in expected]
        assert page.locator(f"#{KEY} .pair th").nth(2).get_attribute("aria-sort") == order


def test_a_text_column_sorts_by_text_and_one_column_alone_is_sorted(page: Page) -> None:
    head(page, "Followers").click()
    head(page, "Poster").click()
    assert column(page, 2) == [f"Poster {number}" for number in range(242)]
    assert page.locator(f"#{KEY} .pair th[aria-sort]").all_inner_texts()[0].startswith("Poster")


def test_a_column_with_declared_values_sorts_by_their_order(page: Page) -> None:
    key = "median_followers_by_age_group"
    head(page, "Age group", key).click()
    assert column(page, 1, key) == ["18-24", "25-35", "36-50", "over 50"]
    head(page, "Age group", key).click()
    assert column(page, 1, key) == ["over 50", "36-50", "25-35", "18-24"]


def test_the_filter_keeps_rows_with_every_word_and_counts_them(page: Page) -> None:
    field = page.get_by_role("searchbox", name="Filter the rows of Most followed poster by country")
    field.fill("poster  COUNTRY 12")
    assert 0 < len(column(page, 1)) < 242
    assert column(page, 1) == rows_with("poster", "country", "12")
    assert page.locator(f"#{KEY} output").inner_text() == f"{len(column(page, 1))} of 242 rows"
    head(page, "Followers").click()
    head(page, "Followers").click()
    assert column(page, 1) == sorted(column(page, 1), reverse=True)
    field.fill("no such row")
    assert column(page, 1) == []
    assert page.locator(f"#{KEY} output").inner_text() == "0 of 242 rows"
    field.fill("")
    assert len(column(page, 1)) == 242
    assert page.locator(f"#{KEY} output").inner_text() == ""


def test_sorting_and_filtering_work_with_the_keyboard_alone(page: Page) -> None:
    page.get_by_role("searchbox", name="Most followed poster by country").focus()
    page.keyboard.type("country 01")
    assert column(page, 1) == rows_with("country", "01")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Download CSV"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert column(page, 1) == rows_with("country", "01")[::-1]


@pytest.mark.parametrize("javascript", [True, False])
def test_the_csv_file_of_each_report_is_downloaded(
    browser: Browser,
    tmp_path: Path,
    html: str,
    javascript: bool,
) -> None:
    (tmp_path / "index.html").write_text(html, "utf-8")
    context = browser.new_context(java_script_enabled=javascript, accept_downloads=True)
    page = context.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    for report in REPORTS:
        with page.expect_download() as download:
            page.locator(f"#{report.key}").get_by_role("link", name="Download CSV").click()
        assert download.value.suggested_filename == f"{report.key}.csv"
        assert download.value.path().read_bytes().decode() == csv_text(report, ordinary()[report.key])
    context.close()


def test_without_javascript_the_page_is_complete_and_has_no_dead_controls(
    browser: Browser,
    tmp_path: Path,
    html: str,
) -> None:
    (tmp_path / "index.html").write_text(html, "utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    for report in REPORTS:
        assert page.locator(f"#{report.key} .pair tbody tr").count() == len(ordinary()[report.key])
        assert page.locator(f"#{report.key} .pair tbody tr").first.is_visible()
    assert page.locator("button, input").count() == 0
    page.locator(f"#{KEY} summary").click()
    assert page.locator(f"#{KEY} .history tbody tr").first.is_visible()
    context.close()


def test_the_policy_refuses_another_script(browser: Browser, tmp_path: Path, html: str) -> None:
    other = html.replace("</body>", "<script>window.stolen = 1</script></body>")
    changed = re.sub(r'"use strict";', '"use strict"; window.stolen = 1;', html)
    for body in (other, changed):
        (tmp_path / "index.html").write_text(body, "utf-8")
        page = browser.new_page()
        page.goto((tmp_path / "index.html").as_uri())
        assert page.evaluate("window.stolen") is None
        page.close()


def test_hostile_rows_can_be_sorted_and_filtered(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(render(hostile(), facts()), "utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    head(page, "Poster").click()
    page.get_by_role("searchbox", name="Most followed poster by country").fill("<script>")
    assert 0 < len(column(page, 1)) < 242
    assert page.evaluate("window.stolen") is None
    page.close()


def violations(browser: Browser, file: Path, html: str, width: int, scheme: str) -> list[str]:
    file.write_text(html, "utf-8")
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    head(page, "Followers").click()
    results = Axe().run(page)
    page.close()
    return [violation["id"] for violation in results.response["violations"]]


@pytest.fixture
def short_html() -> str:
    """A page with a dozen rows in each table: axe takes 25 s for all rows."""
    return render({key: rows[:12] for key, rows in ordinary().items()}, facts(), {KEY: HISTORY})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, short_html: str, width: int, scheme: str) -> None:
    assert violations(browser, tmp_path / "index.html", short_html, width, scheme) == []


def test_axe_would_find_a_missing_title_and_a_missing_label(browser: Browser, tmp_path: Path, short_html: str) -> None:
    broken = re.sub("<title>Pinterest.*?</title>", "", short_html).replace(
        'role="img" aria-label=', 'role="img" data-label='
    )
    assert violations(browser, tmp_path / "index.html", broken, 1280, "light") == ["document-title", "svg-img-alt"]
