"""The documentation site, built once, and a real browser."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pinterest_platform_tests.conftest import PROJECT
from pinterest_platform_tests.page.conftest import browser

__all__ = ["browser", "site"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", "docs/site/mkdocs.yml", "-d", str(folder)]
    home = {"HOME": str(folder.parent), "NO_MKDOCS_2_WARNING": "1"}
    process = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **home}, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return folder
