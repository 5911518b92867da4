"""docs/testing.md: its example runs, and its tables name what is there."""

import re
import subprocess
import sys
from pathlib import Path

from pinterest_platform import resources, testing
from pinterest_platform.definitions import defs
from pinterest_platform.testing import LocalPlatform

TEXT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
EXAMPLE = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0]


def test_the_example_runs_without_services_and_variables(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(EXAMPLE, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}", "."]
    process = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=300, check=False)
    assert process.returncode == 0, process.stdout[-4000:]
    assert "1 passed" in process.stdout


def test_the_example_has_ten_lines_without_imports() -> None:
    lines = [line for line in EXAMPLE.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 10


def test_the_table_names_all_resources(tmp_path: Path) -> None:
    names = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert set(names) == set(resources.build()) == set(defs.resources or {})
    with LocalPlatform(tmp_path) as platform:
        assert set(platform.resources) == set(names)


def test_every_part_of_the_package_is_described() -> None:
    assert [name for name in testing.__all__ if f"`{name}" not in TEXT] == []


def test_the_guide_is_short() -> None:
    assert len(TEXT.split()) <= 500
