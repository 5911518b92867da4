"""The tour of the README: all of its commands, in one shell, in a home of this test."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from pinterest_platform.catalog import REPORT_KEYS
from pinterest_platform_tests.conftest import PROJECT, emulators


def tour() -> str:
    """Return the shell commands of the tour."""
    [section] = re.findall(
        r"^## A tour in ten minutes$(.*?)^## ", (PROJECT / "README.md").read_text("utf-8"), re.M | re.S
    )
    return "\n".join(re.findall(r"^```sh$(.*?)^```$", section, re.M | re.S))


def test_the_tour_works_as_written() -> None:
    home = tempfile.mkdtemp(prefix="pinterest-")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PINTEREST_", "AWS_", "KAFKA_"))}
    try:
        process = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", tour()],
            cwd=PROJECT,
            env={**clean, "PINTEREST_HOME": home},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert process.returncode == 0, (process.stdout + process.stderr)[-4000:]
        for key in REPORT_KEYS:
            assert key in process.stdout
        [page] = set(re.findall(r"^page: (.*)$", process.stdout, re.M))
        assert "<html" in Path(page).read_text("utf-8").lower()
        assert "11,154 posts" in process.stdout
        assert emulators("status", "--home", home).returncode != 0
    finally:
        emulators("down", "--home", home)
        shutil.rmtree(home, ignore_errors=True)
