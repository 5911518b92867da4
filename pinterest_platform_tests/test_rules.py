"""Rules are numbered in order, and every citation names a rule that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES = ROOT / "docs" / "rules.md"
FOLDERS = ("pinterest_platform", "emulators", "benchmarks", "pinterest_platform_tests", "docs", ".ci")
SUFFIXES = {".py", ".md", ".yaml", ".toml", ".html", ".css", ".txt", ".sh", ""}

_RULE = re.compile(r"^- \*\*([A-Z])([0-9]+)\*\* ", re.MULTILINE)
_ID = r"[A-Z][0-9]+"
_BREAK = r"(?:\s|\n\s*#\s*)+"
_CITATION = re.compile(rf"\b[Rr]ules?{_BREAK}({_ID}(?:,?{_BREAK}(?:(?:and|or|to){_BREAK})?{_ID})*)\b")


def cited_rules(text: str) -> list[str]:
    """Return the ids in citations such as `rule C3`, `rules L5, L6 and K1` and `rules S1 to S8`."""
    return [rule for citation in _CITATION.findall(text) for rule in re.findall(_ID, citation)]


def text_files() -> list[Path]:
    """Return every text file of the repository that can hold a citation."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files = [*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / ".env.example", ROOT / "Makefile", *inside]
    return sorted(path for path in files if path.is_file() and path != Path(__file__))


def numbered_rules() -> list[tuple[str, int]]:
    return [(section, int(number)) for section, number in _RULE.findall(RULES.read_text("utf-8"))]


def test_rules_are_in_the_section_of_their_letter_and_numbered_from_1() -> None:
    sections = re.findall(r"^## ([A-Z]): ", RULES.read_text("utf-8"), re.MULTILINE)
    assert len(set(sections)) == len(sections)
    counts = {section: sum(letter == section for letter, _ in numbered_rules()) for section in sections}
    assert numbered_rules() == [(section, n + 1) for section in sections for n in range(counts[section])]


def test_every_item_of_the_rules_has_a_number() -> None:
    items = re.findall(r"^[-*] .*$", RULES.read_text("utf-8"), re.MULTILINE)
    assert len(items) == len(numbered_rules())


def test_every_cited_rule_exists() -> None:
    rules = {f"{section}{number}" for section, number in numbered_rules()}
    unknown = {
        str(path.relative_to(ROOT)): sorted(missing)
        for path in text_files()
        if (missing := set(cited_rules(path.read_text("utf-8", errors="replace"))) - rules)
    }
    assert not unknown


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("trimmed (rule C2)", ["C2"]),
        ("Rule C2 applies", ["C2"]),
        ("rules L5, L6 and K1.", ["L5", "L6", "K1"]),
        ("rules S1 to S8, P1 comes next", ["S1", "S8", "P1"]),
        ("rules L1,\n    L2", ["L1", "L2"]),
        ("# one row per key, rule\n    # C10", ["C10"]),
        ("a rule of C3PO, rules, ruleC1, rule c1", []),
    ],
)
def test_citations_are_recognised(text: str, rules: list[str]) -> None:
    assert cited_rules(text) == rules


def test_no_file_cites_a_text_outside_the_repository() -> None:
    outside = re.compile(r"\bSPEC(?:\.md)?,? [0-9]|\bARCHITECTURE\b(?:\.md)?|\b(?:STYLE|REDESIGN|TRIED)\.md")
    citing = {
        str(path.relative_to(ROOT)) for path in text_files() if outside.search(path.read_text("utf-8", "replace"))
    }
    assert not citing
