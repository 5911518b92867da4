"""`python -m emulators.services.kinesis`: one clear line for each mistake."""

import json
import signal
import sqlite3
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pinterest_platform_tests.emulators.services.kinesis.server import Server, command


def error_of(data: Path, *flags: str) -> str:
    process = subprocess.run(command(data, *flags), capture_output=True, text=True, timeout=30, check=False)
    assert process.returncode not in (0, None)
    assert "Traceback" not in process.stderr
    return process.stderr.strip()


def test_it_reports_its_health_and_stops_cleanly(new_server: Any) -> None:
    server: Server = new_server()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{server.url}/_health", timeout=10) as response:
        assert json.load(response) == {"status": "ok", "service": "kinesis", "data": str(server.data)}
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_stop_it(new_server: Any, number: signal.Signals) -> None:
    server: Server = new_server()
    assert server.end(number) == 0


def test_a_busy_port_is_named(new_server: Any, tmp_path: Path) -> None:
    port = new_server().url.rpartition(":")[2]
    message = error_of(tmp_path / "other", "--port", port)
    assert message.startswith(f"kinesis: Port {port} cannot be used")
    assert "\n" not in message


def test_a_folder_in_use_is_named(new_server: Any) -> None:
    server: Server = new_server()
    message = error_of(server.data)
    assert message.startswith("kinesis: Another Kinesis server uses ")
    assert "\n" not in message


def test_a_damaged_or_foreign_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "kinesis.sqlite").write_bytes(b"no database" * 1000)
    assert "cannot be opened" in error_of(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with sqlite3.connect(other / "kinesis.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "has version 99" in error_of(other)


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be opened" in error_of(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "flags", [("--port", "-1"), ("--record-kib", "1"), ("--iterator-seconds", "x"), ("--nonsense",)]
)
def test_wrong_flags_are_named(tmp_path: Path, flags: tuple[str, ...]) -> None:
    assert flags[0] in error_of(tmp_path, *flags).splitlines()[-1]
