"""The progress of long work."""

import time
from typing import Any

import pytest

from pinterest_platform.cli import progress
from pinterest_platform.cli.progress import working
from pinterest_platform_tests.cli.calls import NAMES, CommandLine


def test_long_work_prints_a_line_now_and_again_without_a_terminal(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.05)

    def slow_rows(uri: str, limit: int | None = None) -> list[dict[str, Any]]:
        time.sleep(0.3)
        return []

    monkeypatch.setattr(command.platform.lake, "rows", slow_rows)
    outcome = command("reports", "users_joined_by_year", "--json")
    assert (outcome.code, outcome.json) == (0, {"users_joined_by_year": []})
    lines = outcome.err.splitlines()
    assert len(lines) > 1
    assert set(lines) == {f"reading {NAMES.report_uri('users_joined_by_year')} (0 s)"}


def test_short_work_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with working("reading"):
        pass
    assert capsys.readouterr() == ("", "")


def test_nothing_is_printed_after_the_work(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.05)
    with pytest.raises(ValueError, match="broken"), working("reading"):
        raise ValueError("broken")
    time.sleep(0.2)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_spinner_and_no_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    with working("reading [bold]x"):
        time.sleep(0.05)
    assert "(0 s)" not in capsys.readouterr().err
