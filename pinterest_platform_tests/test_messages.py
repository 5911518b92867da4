"""Parts of messages: commands, durations, and numbers with their nouns."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import emulators
from pinterest_platform.messages import CLI_COMMAND, EMULATORS_COMMAND, counted, rounded_duration

ROOT = Path(__file__).parents[1]


def test_one_thing_is_singular() -> None:
    texts = [counted(number, "small file") for number in (0, 1, 2000)]
    assert texts == ["0 small files", "1 small file", "2,000 small files"]


def test_a_duration_is_in_the_largest_unit_of_which_there_are_two() -> None:
    texts = [rounded_duration(seconds) for seconds in (0, 1, 119, 360, 6_000, 86_388, 3 * 86_400)]
    assert texts == ["0 seconds", "1 second", "119 seconds", "6 minutes", "100 minutes", "24 hours", "3 days"]


def test_commands_are_those_of_the_tour_which_activates_no_environment() -> None:
    tour = (ROOT / "README.md").read_text("utf-8")
    assert f"\n{EMULATORS_COMMAND} up\n" in tour and f"\n{CLI_COMMAND} quarantine\n" in tour
    assert emulators.COMMAND == EMULATORS_COMMAND


def _texts_with_commands() -> Iterator[str]:
    """Yield every text of the code, except docstrings, that names a command to the user."""
    command = re.compile(r"-m (?:emulators|pinterest_platform\.cli)(?![.\w])")
    for source in (path for folder in ("pinterest_platform", "emulators") for path in (ROOT / folder).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(source.read_text("utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        constants = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
        for text in (node.value for node in constants if isinstance(node.value, str)):
            if command.search(text):
                yield f"{source.relative_to(ROOT)}: {text}"


def test_each_command_is_in_one_constant() -> None:
    assert sorted(_texts_with_commands()) == [
        "emulators/__init__.py: .venv/bin/python -m emulators",
        "pinterest_platform/messages.py:  -m emulators",
        "pinterest_platform/messages.py:  -m pinterest_platform.cli",
    ]
