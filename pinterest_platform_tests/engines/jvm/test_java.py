"""Supported versions of Java are used, others are named."""

from pathlib import Path

import pytest

from pinterest_platform import engines
from pinterest_platform.engines.jvm import java
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings


def installed(folder: Path, output: str, code: int = 0) -> Path:
    """Create a Java that prints this as its version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{output}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("output", ['openjdk version "17.0.15" 2025-04-15', 'java version "21" 2023-09-19 LTS'])
def test_java_17_and_21_are_used(tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = installed(tmp_path / "java", output)
    assert java.home(str(home)) == home
    monkeypatch.setenv("PATH", str(home / "bin"), prepend=":")
    assert java.home(None) == home


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ('openjdk version "25.0.2" 2026-01-20', "is Java 25"),
        ('java version "1.8.0_402"', "is Java 8"),
        ("no such thing", "does not run as Java"),
    ],
)
def test_another_java_is_named_with_its_version_and_place(tmp_path: Path, output: str, problem: str) -> None:
    home = installed(tmp_path / "java", output)
    with pytest.raises(PermanentFailure, match=rf"{home}/bin/java {problem}\. Install Java 17 or 21 and set JAVA_HOME"):
        java.home(str(home))


def test_a_missing_java_is_reported_by_the_first_job_and_not_before(tmp_path: Path) -> None:
    variables = {"kafka_bootstrap_servers": "x", "spark_engine": "spark", "java_home": str(tmp_path)}
    engine = engines.build(Settings.model_validate(variables))
    with pytest.raises(PermanentFailure, match=rf"{tmp_path}/bin/java does not run as Java"):
        engine.run("clean", {}, print)
    engine.close()


def test_no_java_on_the_path_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentFailure, match="no `java` on the PATH"):
        java.home(None)
