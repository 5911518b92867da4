"""Hooks of mkdocs: pages of files outside docs/, Mermaid from its wheel, and screenshots if they were made."""

import hashlib
import importlib.util
import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SCREENSHOTS = ROOT / ".cache" / "screenshots"

MERMAID_SHA256 = "74d7c46dabca328c2294733910a8aa1ed0c37451776e8d5295da38a2b758fb9b"
"""Checksum of `dist/mermaid.min.js` in the npm package mermaid 11.16.0."""

_MERMAID = "assets/mermaid.js"
_NAMED_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
_SCREENSHOT = re.compile(r"^( *)<!-- screenshot ([a-z-]+): (.*) -->\n", re.MULTILINE)
_RULES = re.compile(r"\b[Rr]ules?\s+[A-Z][0-9]+(?:,?\s+(?:(?:and|or|to)\s+)?[A-Z][0-9]+)*\b")
_NO_SENTENCES = re.compile(r"(<(?:code|pre|a|h[1-6])\b.*?</(?:code|pre|a|h[1-6])>)", re.DOTALL)
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".example": "sh"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the decision records in the navigation."""
    records = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
    next(section for section in config.nav or [] if "Decisions" in section)["Decisions"].extend(
        f"decisions/{name}" for name in records
    )
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of files outside docs/ that a document links to, Mermaid, and the screenshots."""
    documents = [*DOCS.rglob("*.md"), *(ROOT / name for name in _NAMED_PAGES)]
    targets = {target for document in documents for target in linked_files(document)}
    for path in sorted(target for target in targets if not target.is_relative_to(DOCS)):
        files.append(File.generated(config, page_of(path), content=_text(path)))
    scripts = {_MERMAID: mermaid(), "assets/iframe-worker.js": Path(__file__).with_name("iframe-worker.js")}
    for uri, path in scripts.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    for path in sorted(SCREENSHOTS.glob("*.png")):
        files.append(File.generated(config, f"screenshots/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at the pages of this site, and show screenshots."""
    return show_screenshots(rewrite_links(markdown, page.file.src_uri), page.file.src_uri)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link rules, and load Mermaid on pages with a diagram: the theme would request it from another machine."""
    html = link_rules(html, get_relative_url("rules.html", page.url))
    if page.file.src_uri == "rules.md":
        html = re.sub(r"<li>\s*<strong>([A-Z][0-9]+)</strong>", r'<li id="\1"><strong>\1</strong>', html)
    if '<pre class="mermaid">' not in html:
        return html
    return f'{html}<script src="{get_relative_url(_MERMAID, page.url)}"></script>'


def linked_files(document: Path) -> set[Path]:
    """Return the existing files to which a document links."""
    links = _LINK.findall(document.read_text("utf-8"))
    targets = {Path(os.path.normpath(document.parent / link)) for link in links}
    return {target for target in targets if target.is_file()}


def page_of(path: Path) -> str:
    """Return the address of a file's page, relative to docs/."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    name = path.relative_to(ROOT).as_posix()
    return _NAMED_PAGES.get(name, f"files/{name.removeprefix('.')}.md")


def mermaid() -> Path:
    """Return the file of Mermaid.

    Raises:
        PluginError: it is not installed, or is not the file that was reviewed.
    """
    package = importlib.util.find_spec("mermaidx")
    path = Path(package.origin or "").parent / "assets" / "mermaid.js" if package else Path("mermaid.js")
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != MERMAID_SHA256:
        raise PluginError(f"{path} is missing or is not Mermaid 11.16.0: run make setup.")
    return path


def _text(path: Path) -> str:
    """Return the Markdown of a file's page: the file itself, or its text as code."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return text
    return f"# {path.relative_to(ROOT)}\n\n````{_LANGUAGES.get(path.suffix, 'text')}\n{text}````\n"


def rewrite_links(markdown: str, uri: str) -> str:
    """Return a page's Markdown with the links to files turned into links to their pages."""
    origins = {page: ROOT / name for name, page in _NAMED_PAGES.items()}
    origin, folder = origins.get(uri, DOCS / uri), Path(uri).parent

    def rewrite(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(origin.parent / link[0]))
        return os.path.relpath(page_of(target), folder) if target.is_file() else link[0]

    return _LINK.sub(rewrite, markdown)


def link_rules(html: str, rules: str) -> str:
    """Return HTML with a link for each rule that a sentence cites, such as `rules L5, L6 and K1`."""

    def link(citation: re.Match[str]) -> str:
        return re.sub("[A-Z][0-9]+", lambda rule: f'<a href="{rules}#{rule[0]}">{rule[0]}</a>', citation[0])

    parts = _NO_SENTENCES.split(html)
    return "".join(part if _NO_SENTENCES.fullmatch(part) else _RULES.sub(link, part) for part in parts)


def show_screenshots(markdown: str, uri: str) -> str:
    """Return a page's Markdown with a picture for each comment whose screenshot was taken, and without the others."""

    def show(comment: re.Match[str]) -> str:
        indent, name, caption = comment.groups()
        if not (SCREENSHOTS / f"{name}.png").is_file():
            return ""
        address = os.path.relpath(f"screenshots/{name}.png", Path(uri).parent)
        return f"\n{indent}![{caption}]({address})\n"

    return _SCREENSHOT.sub(show, markdown)
