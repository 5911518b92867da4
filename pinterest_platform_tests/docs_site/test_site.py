"""The documentation site builds strictly, is complete, and works from a disk without a request to another machine."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page

from pinterest_platform_tests.conftest import PROJECT

_REQUESTED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//""")


def open_page(browser: Browser, site: Path, name: str) -> tuple[Page, list[str]]:
    """Open a page of the site from the disk; return it, and what it requests, logs and raises against expectation."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []

    def on_request(url: str) -> None:
        if not url.startswith((site.as_uri(), "data:", "blob:", "about:")):
            problems.append(url)

    page.on("request", lambda request: on_request(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto((site / name).as_uri())
    return page, problems


def test_every_document_is_a_page(site: Path) -> None:
    documents = [path.relative_to(PROJECT / "docs") for path in (PROJECT / "docs").rglob("*.md")]
    names = [
        path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html") for path in documents
    ]
    assert [str(name) for name in names if not (site / name).is_file()] == []
    assert "A data platform as a" in (site / "index.html").read_text("utf-8")
    assert (site / "contributing.html").is_file()


def test_no_page_names_a_script_or_picture_of_another_machine(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    assert [page.name for page in pages if _REQUESTED.search(page.read_text("utf-8"))] == []


def test_markdown_is_shown_as_hosting_sites_show_it(site: Path) -> None:
    """Python's Markdown needs a blank line between a paragraph and a list, a table or a code block."""
    for page in site.rglob("*.html"):
        article = page.read_text("utf-8").partition("<article")[2].partition("</article>")[0]
        for paragraph in re.findall(r"<p>(.*?)</p>", article, re.DOTALL):
            assert not re.search(r"^\s*(?:[-*|] |[0-9]+\. |```)", paragraph, re.MULTILINE), (page.name, paragraph)


def test_the_settings_and_the_files_that_documents_link_to_are_pages(site: Path) -> None:
    assert "PINTEREST_USER_ID" in (site / "files" / "env.example.html").read_text("utf-8")
    assert "coordinates" in (site / "files/pinterest_platform/catalog/entities/geo.py.html").read_text("utf-8")


def test_the_reference_has_the_docstrings(site: Path) -> None:
    text = (site / "reference" / "catalog.html").read_text("utf-8")
    assert 'id="pinterest_platform.catalog.model.Entity"' in text
    assert "texts that mean" in text
    assert "kafka_bootstrap_servers" in (site / "reference" / "settings.html").read_text("utf-8")
    assert "LocalPlatform" in (site / "reference" / "testing.html").read_text("utf-8")


def test_cited_rules_lead_to_their_text(site: Path) -> None:
    anchors = set(re.findall(r'<li id="([A-Z][0-9]+)">', (site / "rules.html").read_text("utf-8")))
    assert len(anchors) > 100
    cited = {
        rule for page in site.rglob("*.html") for rule in re.findall(r'rules\.html#([^"]+)"', page.read_text("utf-8"))
    }
    assert {"C3", "L1", "S9"} <= cited
    assert {rule for rule in cited if re.fullmatch("[A-Z][0-9]+", rule)} <= anchors


def test_types_of_columns_are_shown_whole(site: Path) -> None:
    assert "array&lt;double&gt;" in (site / "data-dictionary.html").read_text("utf-8")


def test_search_works_from_a_disk_and_nothing_is_requested(browser: Browser, site: Path) -> None:
    page, problems = open_page(browser, site, "operating.html")
    page.locator("[data-md-component='search']:not([hidden])").wait_for(state="attached")
    page.get_by_role("textbox", name="Search").click()
    page.keyboard.type("quarantine")
    page.locator(".md-search-result__item a").first.wait_for()
    assert page.locator(".md-search-result__item").count() > 3
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_load_state()
    assert "quarantine" in page.content().lower()
    assert problems == []
    page.close()


def test_diagrams_are_drawn_from_a_disk_and_nothing_is_requested(browser: Browser, site: Path) -> None:
    for name, diagrams in (("index.html", 1), ("architecture.html", 2)):
        page, problems = open_page(browser, site, name)
        page.wait_for_function("count => document.querySelectorAll('div.mermaid').length == count", arg=diagrams)
        for diagram in page.locator("div.mermaid").all():
            box = diagram.bounding_box()
            assert box is not None
            assert box["height"] > 100
        assert problems == []
        page.close()
