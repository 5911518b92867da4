"""Access to parts of a JSON document, as values and as their original text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.services.api_gateway.json_text import JsonText, Step

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'"), max_size=6)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def paths(value: Any, path: str = "$") -> list[tuple[str, Any]]:
    steps: list[tuple[Step, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    parts = [(path, value)]
    for step, inner in steps:
        parts += paths(inner, f"{path}[{step}]" if isinstance(step, int) else f"{path}['{step}']")
    return parts


@given(DOCUMENTS, st.sampled_from([None, 0, 2]), st.sampled_from(["", " \n\t"]))
def test_every_part_is_found_and_its_text_is_unchanged(document: Any, indent: int | None, around: str) -> None:
    text = around + json.dumps(document, indent=indent) + around
    parsed = JsonText(text)
    for path, value in paths(document):
        cut = parsed.cut(path)
        assert cut is not None
        assert cut in text
        assert json.loads(cut) == value
        if not isinstance(value, float | dict | list):
            assert parsed.find(path) == value


@pytest.mark.parametrize(
    "number", ["1.50", "1e5", "-0", "123456789012345678901234567890", "0.1000000000000000055", "7" * 5000]
)
def test_numbers_keep_their_spelling(number: str) -> None:
    assert JsonText(f'{{"a": {{"b": {number} }} }}').cut("$.a.b") == number
    assert JsonText(f'{{"a":[{number}]}}').cut("$.a") == f"[{number}]"


def test_repeated_names_stay_in_the_text_and_the_last_one_is_found() -> None:
    document = JsonText('{"a":{"b":1,"b":2},"a":{"b":3,"b":4}}')
    assert (document.cut("$.a"), document.find("$.a.b")) == ('{"b":3,"b":4}', 4)


@pytest.mark.parametrize("path", ["$.no", "$.a.b.c", "$.list[3]", "$.list.a", "$.a[0]", "$['no']"])
def test_a_missing_part_is_none(path: str) -> None:
    document = JsonText('{"a":{"b":1},"list":[1,2,3]}')
    assert (document.find(path), document.cut(path)) == (None, None)


@pytest.mark.parametrize("path", ["", "a", "$a", "$.", "$.a[", "$.a[*]", "$..a", "$.a[-1]"])
def test_an_invalid_path_is_rejected(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        JsonText("{}").find(path)


@pytest.mark.parametrize("text", ["", "{", "nul", '{"a":NaN}', "[1e999,Infinity]", "{} {}", "[" * 100_000])
def test_invalid_json_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        JsonText(text)
