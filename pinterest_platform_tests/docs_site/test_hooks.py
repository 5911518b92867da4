"""The hooks of the documentation site: links, pages of files outside docs/, Mermaid and screenshots."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from mkdocs.exceptions import PluginError

from pinterest_platform_tests.conftest import PROJECT


@pytest.fixture
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hooks", PROJECT / "docs" / "site" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("index.md", "docs/operating.md#alerts", "operating.md#alerts"),
        ("index.md", "CONTRIBUTING.md", "contributing.md"),
        ("contributing.md", ".env.example", "files/env.example.md"),
        ("operating.md", "../README.md#two-commands", "index.md#two-commands"),
        ("decisions/README.md", "../../CONTRIBUTING.md#a-decision-record", "../contributing.md#a-decision-record"),
        ("operating.md", "../pinterest_platform/dagster.yaml", "files/pinterest_platform/dagster.yaml.md"),
        ("operating.md", "metrics.md", "metrics.md"),
        ("operating.md", "prometheus-rules.yaml", "prometheus-rules.yaml"),
        ("operating.md", "#alerts", "#alerts"),
        ("operating.md", "https://dagster.io", "https://dagster.io"),
        ("operating.md", "missing.md", "missing.md"),
    ],
)
def test_links_lead_to_the_pages_of_the_site(hooks: ModuleType, page: str, link: str, expected: str) -> None:
    assert hooks.rewrite_links(f"see [this]({link}).", page) == f"see [this]({expected})."


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ("<p>trimmed (rule C2)</p>", ["C2"]),
        ("<p>Rules L5, L6 and K1 hold, and\nrules S1 to\nS8.</p>", ["L5", "L6", "K1", "S1", "S8"]),
        ("<p>Cite it as <code>rule C3</code>, see <a href='x'>rule C4</a>.</p><pre>rule C5</pre>", []),
        ("<p>S3 is a store, and a rule is a promise.</p>", []),
    ],
)
def test_cited_rules_are_linked(hooks: ModuleType, html: str, links: list[str]) -> None:
    linked = hooks.link_rules(html, "../rules.html")
    assert re.findall(r'<a href="../rules.html#(\w+)">\1</a>', linked) == links
    assert re.sub(r'<a href="../rules.html#\w+">(\w+)</a>', r"\1", linked) == html


def test_a_screenshot_is_shown_if_it_was_taken(
    hooks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "SCREENSHOTS", tmp_path)
    text = "1. Open it.\n\n    <!-- screenshot graph: The graph. -->\n\n2. Go on.\n"
    assert hooks.show_screenshots(text, "how-to/outages.md") == "1. Open it.\n\n\n2. Go on.\n"
    (tmp_path / "graph.png").touch()
    assert "    ![The graph.](../screenshots/graph.png)\n" in hooks.show_screenshots(text, "how-to/outages.md")
    assert "    ![The graph.](screenshots/graph.png)\n" in hooks.show_screenshots(text, "tutorial.md")


def test_another_file_in_place_of_mermaid_is_refused(hooks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hooks.mermaid().is_file()
    monkeypatch.setattr(hooks, "MERMAID_SHA256", "0" * 64)
    with pytest.raises(PluginError, match="run make setup"):
        hooks.mermaid()
