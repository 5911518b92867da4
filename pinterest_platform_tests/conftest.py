"""Fixtures that several folders of tests share."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.provisioning.topics import ensure_topics
from pinterest_platform.settings import Settings, load

PROJECT = Path(__file__).resolve().parent.parent


def emulators(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m emulators` to its end, as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "emulators", *arguments],
        cwd=PROJECT,
        env=dict(os.environ if environment is None else environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def variables_of(home: str) -> dict[str, str]:
    """Return the variables that a home's clients need."""
    status = emulators("status", "--json", "--home", home)
    assert status.returncode == 0, status.stdout + status.stderr
    return json.loads(status.stdout)["env"]


@pytest.fixture(scope="session")
def emulated() -> Iterator[dict[str, str]]:
    """Yield the variables of a home whose services run: started once per session, and never the developer's own.

    If PINTEREST_TEST_HOME names a home that is up, that one is used and left up.
    """
    running = os.environ.get("PINTEREST_TEST_HOME")
    if running:
        yield variables_of(running)
        return
    home = tempfile.mkdtemp(prefix="pinterest-")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PINTEREST_")}
    try:
        started = emulators("up", "--home", home, environment=clean)
        assert started.returncode == 0, started.stdout + started.stderr
        yield variables_of(home)
    finally:
        emulators("down", "--home", home, environment=clean)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def tenant(emulated: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a new user id with topics of three partitions and a bucket, on the shared emulators.

    The environment is set so that child processes and `settings.load` see this user.
    """
    for name, value in emulated.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PINTEREST_USER_ID", f"t{uuid.uuid4().hex[:12]}")
    monkeypatch.setenv("PINTEREST_BUCKET", "")
    monkeypatch.setenv("PINTEREST_KAFKA_PARTITIONS", "3")
    settings = load()
    provide(settings)
    return settings


def provide(settings: Settings) -> None:
    """Create a user's topics and bucket."""
    ensure_topics(settings)
    ensure_bucket(settings)
