"""The process of a command: exit codes, usage errors, Ctrl-C and closed pipes."""

import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from pinterest_platform_tests.cli.calls import CommandLine

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys, time
from pinterest_platform.cli import process, session

class Lake:
    def facts(self, uri):
        return None

    def rows(self, uri, limit=None):
        if waits:
            print("waiting", flush=True)
            time.sleep(60)
        return [{"country": "x" * 30, "n": number} for number in range(5000)]

waits = sys.argv.pop() == "wait"
session.Platform.lake = Lake()
process.run()
"""


@contextmanager
def call(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command on tables in memory; with a last argument `wait`, reading the first one takes a minute."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    environment = {"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_closes_its_end_is_no_error(form: tuple[str, ...]) -> None:
    with call("reports", "--rows", "5000", *form, "print") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, "")


@pytest.mark.parametrize(
    ("redirection", "code", "reason"),
    [(">&-", 0, ""), ("<&-", 0, ""), (">/dev/full", 1, "Error: Cannot write the output: No space left on device.")],
)
def test_a_closed_or_full_output_is_no_traceback(redirection: str, code: int, reason: str) -> None:
    shell = f'"$0" -c "$1" --help go {redirection}'
    ended = subprocess.run(
        ["/bin/sh", "-c", shell, sys.executable, SCRIPT], stderr=subprocess.PIPE, text=True, timeout=120
    )
    assert (ended.returncode, ended.stderr.startswith(reason)) == (code, True), ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_interrupt_ends_with_130_and_no_traceback() -> None:
    with call("reports", "wait") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr.read()) == (130, "")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["report"], "Did you mean reports?"),
        (["rows", "pins"], "There is no entity pins. Did you mean pin? Entities: pin, geo, user."),
        (["reports", "users_by_year"], "Did you mean users_joined_by_year?"),
        (["rows", "pin", "--route", "kinsis"], "Did you mean kinesis?"),
        (["rows", "pin", "--limits", "3"], "Did you mean --limit?"),
    ],
)
def test_a_mistyped_name_is_answered_with_a_similar_one(command: CommandLine, arguments: list[str], hint: str) -> None:
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert hint in " ".join(outcome.err.replace("'", "").split())


@pytest.mark.parametrize("arguments", [["-h"], ["reports", "-h"], ["rows", "--help"], ["quarantine", "-h"]])
def test_help_is_printed(command: CommandLine, arguments: list[str]) -> None:
    outcome = command(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Usage: pinterest ")


def test_one_form_at_a_time(command: CommandLine) -> None:
    outcome = command("rows", "pin", "--json", "--csv")
    assert outcome.code == 2
    assert "Choose one of --json and --csv." in outcome.err


def test_a_failure_names_what_and_what_to_do(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    outcome = command("reports")
    assert (outcome.code, outcome.out) == (1, "")
    assert re.fullmatch(r"Error: .*KAFKA_BOOTSTRAP_SERVERS.*emulators env\)\"\.\n", outcome.err)


def test_the_console_script_is_there() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    module, _, name = scripts["pinterest"].partition(":")
    assert callable(getattr(import_module(module), name))
