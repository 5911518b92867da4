"""Each promise of docs/guarantees.md has a mechanism, limits, and tests that exist."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PROMISES = re.split(r"^### ", (TESTS.parent / "docs" / "guarantees.md").read_text("utf-8"), flags=re.MULTILINE)[1:]

_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


def named_tests(promise: str) -> list[tuple[str, str]]:
    """Return file and function of each test that a promise names."""
    return _TEST.findall(promise)


def test_there_are_promises() -> None:
    assert len(PROMISES) > 10


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.partition("\n")[0])
def test_a_promise_has_its_parts_and_tests_that_exist(promise: str) -> None:
    parts = re.findall(r"^- \*\*([A-Z][a-z ]+)\*\*: \S", promise, re.MULTILINE)
    assert parts == ["Mechanism", "Tests", "Not promised"]
    tests = named_tests(promise)
    assert tests
    assert len(tests) == promise.count("::"), "each test is written as `file::test`"
    for file, name in tests:
        tree = ast.parse((TESTS / file).read_text("utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, f"{file} has no test {name}"
