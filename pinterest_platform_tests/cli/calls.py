"""Calls of the command line on a platform in memory."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from pinterest_platform.catalog import PAGE_KEY, REPORTS, Names
from pinterest_platform.cli.process import exit_code
from pinterest_platform.ports import TableFacts
from pinterest_platform_tests.defs.surroundings import Surroundings

NAMES = Names("u", "user-u-bucket")


@dataclass
class Call:
    """The outcome of a call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the printed JSON."""
        return json.loads(self.out)


class CommandLine:
    """The command line of a user whose platform is in memory.

    Args:
        capture: pytest's capture of the output.
    """

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.platform = Surroundings()
        self._capture = capture

    def __call__(self, *arguments: str) -> Call:
        self._capture.readouterr()
        code = exit_code(arguments, lambda settings: self.platform)
        out, err = self._capture.readouterr()
        return Call(code, out, err)

    def fill_reports(self, rows: int = 1) -> None:
        """Create all report tables, and the page."""
        for report in REPORTS:
            row = {column.name: {"string": "x"}.get(column.type, 1_234_567) for column in report.columns}
            self.platform.lake.content[NAMES.report_uri(report.key)] = [dict(row) for _ in range(rows)]
        self.platform.objects.put(PAGE_KEY, b"<html>")

    def fill_table(self, uri: str, rows: list[dict[str, Any]]) -> None:
        """Create a table."""
        self.platform.lake.content[uri] = rows
        columns = tuple((name, "string") for name in rows[0])
        self.platform.lake.tables[uri] = TableFacts(uri, 0, len(rows), columns)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "nowhere:1")
    monkeypatch.setenv("PINTEREST_USER_ID", "u")
    for name in ("PINTEREST_BUCKET", "PINTEREST_HOME", "PINTEREST_CONNECT_TOPICS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return CommandLine(capsys)
