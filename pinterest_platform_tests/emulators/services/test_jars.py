"""Fetching the jars is atomic, and a failure is one line."""

import fcntl
import importlib.util
from pathlib import Path

import pytest

from emulators import console
from emulators.failures import EmulatorFailure
from emulators.services import jars
from pinterest_platform_tests.conftest import emulators


def test_the_cache_follows_the_users_setting_if_it_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.cache().is_relative_to(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert jars.cache().is_relative_to(tmp_path / "me" / ".cache")


def test_cached_jars_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jars.cache().mkdir(parents=True)
    lines: list[str] = []
    assert jars.fetch(lines.append) == jars.cache()
    assert lines == []


def test_missing_jars_are_reported_with_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for ask in (jars.s3_jar, jars.kafka_class_path):
        with pytest.raises(EmulatorFailure, match="python -m emulators fetch"):
            ask()


def test_without_a_network_the_failure_is_one_line_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    process = emulators("fetch")

    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
    assert "could not be fetched" in process.stderr
    assert "python -m emulators fetch" in process.stderr
    assert [path.name for path in (tmp_path / "pinterest-platform").iterdir()] == ["fetch.lock"]


def test_a_download_shows_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text(
        """#!/bin/sh
while [ "$1" != -cache ]; do shift; done
mkdir -p "$2"
head -c 2000000 /dev/zero > "$2/broker.jar.part"
sleep 1
echo ends here
exit 1
"""
    )
    java.chmod(0o755)
    monkeypatch.setattr(jars, "java", lambda: str(java))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(console, "LINE_SECONDS", 0.0)
    lines: list[str] = []
    with pytest.raises(EmulatorFailure, match="ends here"):
        jars.fetch(lines.append)
    assert lines[0] == f"fetching the Kafka broker and the S3 server ({jars.MEGABYTES} MB, once) …"
    assert f"fetching the jars: waiting for the download, 2 of {jars.MEGABYTES} MB" in lines[-1]


def test_a_wait_for_another_fetch_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(console, "LINE_SECONDS", 0.0)
    jars.cache().parent.mkdir()
    lines: list[str] = []
    with open(jars.cache().parent / "fetch.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def finish_the_other_fetch(line: str) -> None:
            lines.append(line)
            jars.cache().mkdir()
            fcntl.flock(lock, fcntl.LOCK_UN)

        assert jars.fetch(finish_the_other_fetch) == jars.cache()
    assert ["waiting for another process" in line for line in lines] == [True]


def test_a_missing_java_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmulatorFailure, match="make setup"):
        jars.java()


def test_jars_with_other_checksums_are_rejected(tmp_path: Path) -> None:
    listed = [line.split("  ")[1] for line in Path(jars.__file__).with_name("jars.sha256").read_text().splitlines()]
    for name in listed:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(EmulatorFailure, match=f"{len(listed)} in all"):
        jars.verify(tmp_path)
