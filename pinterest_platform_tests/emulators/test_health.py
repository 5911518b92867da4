"""Waiting for services: concurrent, with progress, and longer for a service whose log shows progress."""

import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from emulators import console, health
from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.service import Command, Service, Unhealthy


class Supervisor:
    """A supervisor that reports fixed states."""

    def __init__(self, **states: str) -> None:
        self._states = states

    def states(self) -> dict[str, dict[str, str]]:
        return {name: {"statename": state} for name, state in self._states.items()}


def service(name: str, healthy_after: float, **fields: Any) -> Service:
    """A service that is healthy after some seconds from now."""
    begin = time.monotonic() + healthy_after

    def probe(_: Home) -> None:
        if time.monotonic() < begin:
            raise Unhealthy("still starting")

    return Service(name, (), lambda _: f"address of {name}", lambda home: Command((), home.root), probe, **fields)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare(None)
    return home


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "START_SECONDS", 1.0)
    monkeypatch.setattr(health, "PROGRESS_SECONDS", 0.8)
    monkeypatch.setattr(health, "_POLL_SECONDS", 0.01)


def wait_for(home: Home, *services: Service, **states: str) -> list[str]:
    lines: list[str] = []
    running = dict.fromkeys([service.name for service in services], "RUNNING")
    health.await_health(home, Supervisor(**{**running, **states}), services, lines.append)  # pyright: ignore[reportArgumentType]
    return lines


def test_services_are_awaited_concurrently_and_reported_as_they_become_healthy(home: Home) -> None:
    together = threading.Barrier(2, timeout=10)
    slow = service("slow", 0.5, provide=lambda _: together.wait())
    fast = service("fast", 0.0, provide=lambda _: together.wait())
    last = service("last", 0.9)
    lines = wait_for(home, last, slow, fast)
    assert sorted(lines[:2]) == ["fast         healthy  address of fast", "slow         healthy  address of slow"]
    assert lines[2] == "last         healthy  address of last"


def test_a_long_wait_names_what_it_waits_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LINE_SECONDS", 0.1)
    lines = wait_for(home, service("first", 0.7), service("second", 0.7))
    assert "starting the services: waiting for first, second (0 s)" in lines


def test_a_service_that_ends_fails_the_start_at_once(home: Home) -> None:
    (home.logs / "broken.log").write_text("no space left\n")
    with pytest.raises(EmulatorFailure, match=r"broken is not healthy: fatal: no space left\. Check .*broken\.log"):
        wait_for(home, service("endless", 3600), service("broken", 3600), broken="FATAL")


def write_log(home: Home, texts: list[str]) -> threading.Thread:
    def write() -> None:
        with (home.logs / "kafka.log").open("a") as log:
            for text in texts:
                print(text, file=log, flush=True)
                time.sleep(0.1)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_a_start_that_makes_progress_is_waited_for_and_reported(home: Home) -> None:
    writer = write_log(home, [f"Recovering segment {number}" for number in range(22)])
    lines = wait_for(home, service("kafka", 2.4, progress=re.compile("Recovering")))
    writer.join()
    assert len(lines) == 2
    assert re.match(r"kafka +starts for more than 1 s; its log shows progress.*Recovering segment \d+$", lines[0])


@pytest.mark.parametrize("texts", [["Recovering segment 1"], ["Connection refused, again"] * 15, []])
def test_a_start_without_progress_fails(home: Home, texts: list[str]) -> None:
    writer = write_log(home, texts)
    with pytest.raises(EmulatorFailure, match="kafka is not healthy: still starting"):
        wait_for(home, service("kafka", 3600, progress=re.compile("Recovering")))
    writer.join()


def test_a_terminal_shows_a_bar_and_the_lines_above_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    lines = wait_for(home, service("first", 0.0), service("second", 0.5))
    assert lines == ["first        healthy  address of first", "second       healthy  address of second"]
    drawn = capsys.readouterr().err
    assert "starting the services" in drawn
    assert "waiting for second" in drawn
