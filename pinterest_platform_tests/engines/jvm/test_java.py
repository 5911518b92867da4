"""Which Java is taken, and what is said of one that will not do."""

from pathlib import Path

import pytest

from pinterest_platform import engines
from pinterest_platform.engines.jvm import java
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings


def installed(folder: Path, says: str, code: int = 0) -> Path:
    """A Java that says this of its version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("says", ['openjdk version "17.0.15" 2025-04-15', 'java version "21" 2023-09-19 LTS'])
def test_java_17_and_21_are_taken(tmp_path: Path, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = installed(tmp_path / "java", says)
    assert java.home(str(home)) == home
    monkeypatch.setenv("PATH", str(home / "bin"), prepend=":")
    assert java.home(None) == home


@pytest.mark.parametrize(
    ("says", "named"),
    [
        ('openjdk version "25.0.2" 2026-01-20', "is Java 25"),
        ('java version "1.8.0_402"', "is Java 8"),
        ("no such thing", "is no Java that runs"),
    ],
)
def test_another_java_is_named_with_its_version_and_place(tmp_path: Path, says: str, named: str) -> None:
    home = installed(tmp_path / "java", says)
    with pytest.raises(PermanentFailure, match=rf"{home}/bin/java {named}\. Install Java 17 or 21 and set JAVA_HOME"):
        java.home(str(home))


def test_a_java_that_is_not_there_is_said_by_the_first_job_and_not_before(tmp_path: Path) -> None:
    given = {"kafka_bootstrap_servers": "x", "spark_engine": "spark", "java_home": str(tmp_path)}
    engine = engines.build(Settings.model_validate(given))
    with pytest.raises(PermanentFailure, match=rf"{tmp_path}/bin/java is no Java that runs"):
        engine.run("clean", {}, print)
    engine.close()


def test_no_java_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentFailure, match="no `java` on the PATH"):
        java.home(None)
