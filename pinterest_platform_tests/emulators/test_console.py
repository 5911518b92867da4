"""Progress of long waits, on a terminal and without one."""

import io
import re

import pytest

from emulators import console
from emulators.console import Waiting


def test_a_line_is_printed_only_while_something_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LINE_SECONDS", 0.0)
    lines: list[str] = []
    with Waiting("starting", 2, lines.append) as waiting:
        waiting.update("kafka, s3", 0)
        waiting.update("s3", 1)
        waiting.update("", 2)
    assert lines == ["starting: waiting for kafka, s3 (0 s)", "starting: waiting for s3 (0 s)"]


def test_lines_are_10_seconds_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    now = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with Waiting("starting", 2, lines.append) as waiting:
        for now[0] in (105.0, 109.9, 110.0, 119.9, 120.0):
            waiting.update("s3", 0)
    assert lines == ["starting: waiting for s3 (10 s)", "starting: waiting for s3 (20 s)"]


def test_on_a_narrow_terminal_only_what_is_waited_for_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    with Waiting("starting the services", 6, print) as waiting:
        waiting.update("api_gateway, databricks, kafka, kafka_rest, kinesis, s3", 2)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert re.search(r"starting the services ━+\S* *\S* *2/6 0:00:00 waiting for api_gateway,\S*…", shown), shown
