"""Progress of long waits without a terminal."""

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
