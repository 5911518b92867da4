"""Docstrings of the code: their first words, and the reasons for functions with many parameters."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    path for name in ("pinterest_platform", "emulators", "benchmarks") for path in (ROOT / name).rglob("*.py")
)
TESTS = sorted((ROOT / "pinterest_platform_tests").rglob("*.py"))
MANY_PARAMETERS = 6

_INDIRECT = re.compile(r"\s*(?:What|Whether|How|Where|Why)\b")
_REASON = re.compile(r"\bparameters?\b.*\b(?:as|because)\b", re.DOTALL)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of each docstring of modules, classes, functions and variables."""
    for node in ast.walk(tree):
        for statement in getattr(node, "body", []) if isinstance(node, ast.Module | ast.ClassDef | Function) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield statement.lineno, str(statement.value.value)


def parameters(function: Function) -> list[str]:
    """Return the named parameters of a function, without `self` and `cls`."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def indirect(source: str) -> list[tuple[int, str]]:
    """Return line and begin of the docstrings that begin with What, Whether, How, Where or Why."""
    return [(line, text[:60]) for line, text in docstrings(ast.parse(source)) if _INDIRECT.match(text)]


def unexplained(source: str) -> list[tuple[int, str]]:
    """Return line and name of the functions with many parameters whose docstring gives no reason."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))
    return [
        (function.lineno, function.name)
        for function in functions
        if len(parameters(function)) >= MANY_PARAMETERS and not _REASON.search(ast.get_docstring(function) or "")
    ]


def test_no_docstring_begins_with_a_question_word() -> None:
    problems = {str(path.relative_to(ROOT)): indirect(path.read_text("utf-8")) for path in (*MODULES, *TESTS)}
    assert not {path: lines for path, lines in problems.items() if lines}


def test_a_function_of_six_parameters_gives_the_reason() -> None:
    problems = {str(path.relative_to(ROOT)): unexplained(path.read_text("utf-8")) for path in MODULES}
    assert not {path: functions for path, functions in problems.items() if functions}


@pytest.mark.parametrize(
    "source",
    [
        '"""What it does."""',
        'def f():\n    """Whether it is so."""',
        'class A:\n    x = 1\n    """How many."""',
        'async def f():\n    """\n    Where it is."""',
    ],
)
def test_question_words_are_recognised(source: str) -> None:
    assert len(indirect(source)) == 1
    assert not indirect(source.replace('"""', '"""Return ', 1))


@pytest.mark.parametrize(
    ("docstring", "count"),
    [
        ("Do it.", 1),
        ("Do it with many parameters.", 1),
        ("Do it; six parameters, because Dagster passes each resource as one.", 0),
        ("Do it.\n\n    One parameter per option, as click requires.\n    ", 0),
    ],
)
def test_reasons_are_recognised(docstring: str, count: int) -> None:
    source = f'class A:\n  def f(self, a, b, c, d, *, e, f):\n    """{docstring}"""\n'
    assert len(unexplained(source)) == count
    assert not unexplained(source.replace(", f)", ")"))
