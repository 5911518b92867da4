"""The word list of codespell is in order, and each of its phrases is read as one word."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIONS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["codespell"]
LINES = (ROOT / "docs" / "terms.txt").read_text("utf-8").splitlines()
TERMS = [line.partition("->")[0] for line in LINES]
WORD = re.compile(OPTIONS["regex"])


def test_the_list_is_sorted_lower_case_and_names_a_replacement_for_each_term() -> None:
    assert sorted(set(TERMS)) == TERMS
    assert all(re.fullmatch(r"[a-z][a-z_ ]*[a-z]->\S.*", line) for line in LINES)


def test_each_phrase_is_listed_as_prose_and_in_snake_case() -> None:
    assert {term.replace(" ", "_") for term in TERMS if " " in term} == {term for term in TERMS if "_" in term}


@pytest.mark.parametrize("term", TERMS)
def test_each_term_is_one_word_wherever_it_occurs(term: str) -> None:
    for text in (term, term.capitalize(), f"it is {term}.", f"test_it_is_{term}_now", f'"{term}-1"'):
        assert term in [word.lower() for word in WORD.findall(text)]


def test_parts_of_longer_words_are_not_terms() -> None:
    assert WORD.findall("a personal look attached_to café's untold") == [
        "a", "personal", "look", "attached", "to", "café's", "untold",
    ]  # fmt: skip
