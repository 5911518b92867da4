"""The page in a real browser: it fetches nothing, runs no script, and shows everything on wide and narrow screens."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from pinterest_platform.catalog import REPORT_KEYS
from pinterest_platform.page import render
from pinterest_platform.page.heatmap import SHADES
from pinterest_platform_tests.page.samples import facts, hostile, ordinary


def _open(browser: Browser, tmp_path: Path, html: str, width: int, scheme: str) -> tuple[Page, list[str], list[str]]:
    file = tmp_path / "index.html"
    file.write_text(html, "utf-8")
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("dialog", lambda dialog: messages.append(dialog.message))
    page.goto(file.as_uri())
    assert requests.pop(0) == file.as_uri()
    return page, requests, messages


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_hostile_rows_neither_run_nor_fetch_and_all_rows_and_charts_show(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    reports = hostile()
    page, requests, messages = _open(browser, tmp_path, render(reports, facts()), width, scheme)
    assert page.evaluate("window.stolen") is None
    for key in REPORT_KEYS:
        assert page.locator(f"#{key} tbody tr").count() == len(reports[key])
        shapes = page.locator(f"#{key} svg rect")
        assert shapes.count() > 0
        box = page.locator(f"#{key} svg").bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 40
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (requests, messages) == ([], [])
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shapes_and_texts_have_enough_contrast(browser: Browser, tmp_path: Path, scheme: str) -> None:
    page, _, _ = _open(browser, tmp_path, render(ordinary(), facts()), 1280, scheme)
    ground = _luminance(page, "section", "backgroundColor")
    for selector, style, least in (
        (".meaning", "color", 4.5),
        ("td", "color", 4.5),
        ("caption", "color", 4.5),
        ("svg .label", "fill", 4.5),
        ("svg .bar text", "fill", 4.5),
        ("svg .bar rect", "fill", 3.0),
        ("svg .column rect", "fill", 3.0),
    ):
        contrast = _contrast(_luminance(page, selector, style), ground)
        assert contrast >= least, f"{selector} has a contrast of {contrast:.1f} in {scheme}"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_on_shades_have_enough_contrast_and_shades_are_in_order(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    rows = [{"post_year": 2010 + shade, "category": "art", "category_count": shade} for shade in range(SHADES)]
    page, _, _ = _open(
        browser, tmp_path, render({**ordinary(), "posts_by_category_and_year": rows}, facts()), 1280, scheme
    )
    grounds = [_luminance(page, f"svg .shade-{shade} rect", "fill") for shade in range(SHADES)]
    texts = [_luminance(page, f"svg .shade-{shade} text", "fill") for shade in range(SHADES)]
    assert grounds == sorted(grounds, reverse=scheme == "light")
    assert all(_contrast(text, ground) >= 4.5 for text, ground in zip(texts, grounds, strict=True))
    page.close()


def test_every_row_is_printed(browser: Browser, tmp_path: Path) -> None:
    page, _, _ = _open(browser, tmp_path, render(ordinary(), facts()), 1280, "dark")
    page.emulate_media(media="print")
    hidden = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 1).length"
    )
    assert hidden == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()


def _real_size() -> dict[str, list[dict[str, Any]]]:
    """Return as many rows, with names as long, as the reports of the source data have."""
    countries = [f"{'United Republic of ' * (at % 7 == 0)}Country {at:03}" for at in range(240)]
    categories, years = [f"category-{at:02}" for at in range(13)], range(2018, 2023)
    return {
        **ordinary(),
        "popular_category_by_country": [
            {"country": countries[at // 2], "category": categories[at % 13], "category_count": at} for at in range(443)
        ],
        "posts_by_category_and_year": [
            {"post_year": year, "category": category, "category_count": 7} for year in years for category in categories
        ],
        "top_poster_by_country": [
            {
                "country": country,
                "poster_name": f"Poster {at}{' of words' * (at % 4)}",
                "follower_count": 15_000_000,
            }
            for at, country in enumerate(countries)
        ],
    }


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_page_is_printed_on_at_most_eight_sheets(browser: Browser, tmp_path: Path, paper: str) -> None:
    page, _, _ = _open(browser, tmp_path, render(_real_size(), facts()), 1280, "dark")
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper))
    assert 4 <= len(sheets) <= 8
    page.close()


def test_nothing_is_wider_than_the_printed_sheet(browser: Browser, tmp_path: Path) -> None:
    page, _, _ = _open(browser, tmp_path, render(hostile(), facts()), 700, "light")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    page.close()


@pytest.mark.parametrize("reports", [ordinary(), hostile()], ids=["ordinary", "hostile"])
def test_labels_and_numbers_of_charts_are_inside_the_picture(
    browser: Browser, tmp_path: Path, reports: dict[str, list[dict[str, Any]]]
) -> None:
    page, _, _ = _open(browser, tmp_path, render(reports, facts()), 1280, "light")
    outside = page.evaluate(
        """[...document.querySelectorAll('svg text')].filter(text => {
             const a = text.getBoundingClientRect(), b = text.closest('svg').getBoundingClientRect()
             return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1
           }).map(text => text.textContent)"""
    )
    assert outside == []
    page.close()


def _contrast(first: float, second: float) -> float:
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def _luminance(page: Page, selector: str, style: str) -> float:
    colour = page.locator(selector).first.evaluate("(element, style) => getComputedStyle(element)[style]", style)
    parts = [float(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
