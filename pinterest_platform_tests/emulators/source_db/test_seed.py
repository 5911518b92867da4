"""`seed` as a command."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from emulators.cli import main
from pinterest_platform_tests.emulators.source_db.test_loader import folder_of


def seed(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["seed", *arguments], env={"PINTEREST_HOME": "", **environment})


def rows(database: Path, query: str = "SELECT * FROM pinterest_data ORDER BY 1") -> list[tuple[Any, ...]]:
    with sqlite3.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_the_homes_database_is_filled_before_the_home_was_ever_brought_up(tmp_path: Path) -> None:
    result = seed("--rows", "30", "--home", str(tmp_path / "new" / "home"))
    assert result.exit_code == 0, result.output
    assert "pinterest_data: 30 rows" in result.output
    assert "pinterest_data: 1 row\n" in seed("--rows", "1", "--home", str(tmp_path / "other")).output
    assert len(rows(tmp_path / "new" / "home" / "source.db")) == 30


def test_the_homes_database_is_readable_by_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert seed("--rows", "3", "--home", str(tmp_path / "home")).exit_code == 0
    finally:
        os.umask(before)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home", *(tmp_path / "home").iterdir())
    }
    assert modes == {"home": 0o700, "source.db": 0o600}


def test_a_full_disk_is_one_line_with_the_next_step(tmp_path: Path) -> None:
    """A limit of the file size replaces a full disk."""
    program = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)); "
    program += "from emulators.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program, "seed", "--rows", "2000", "--home", str(tmp_path / "home")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("Free disk space, then retry."), ended.stderr


def test_the_home_is_found_by_the_environment(tmp_path: Path) -> None:
    assert seed("--rows", "3", PINTEREST_HOME=str(tmp_path)).exit_code == 0
    assert len(rows(tmp_path / "source.db")) == 3


def test_seeding_again_replaces_the_contents_and_is_repeatable(tmp_path: Path) -> None:
    database = tmp_path / "source.db"
    seed("--rows", "20", "--seed", "5", "--home", str(tmp_path))
    first = rows(database)
    seed("--rows", "25", "--seed", "6", "--home", str(tmp_path))
    assert len(rows(database)) == 25
    seed("--rows", "20", "--seed", "5", "--home", str(tmp_path))
    assert rows(database) == first


def test_with_if_empty_a_filled_database_is_not_touched(tmp_path: Path) -> None:
    seed("--rows", "20", "--if-empty", "--home", str(tmp_path))
    result = seed("--rows", "30", "--if-empty", "--home", str(tmp_path))
    assert result.exit_code == 0
    assert "left as it is" in result.output
    assert len(rows(tmp_path / "source.db")) == 20


def test_files_are_loaded_and_a_bad_line_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    assert seed("--from", str(folder_of(tmp_path)), "--database", url).exit_code == 0
    assert [row[0] for row in rows(tmp_path / "other.db")] == [1, 2]
    result = seed("--from", str(folder_of(tmp_path, pin=['{"index": 9}'], user=["{"])), "--database", url)
    assert result.exit_code == 1
    assert "user.jsonl, line 1" in result.stderr
    assert "Traceback" not in result.stderr
    assert [row[0] for row in rows(tmp_path / "other.db")] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--rows", "0"], 2, "--rows"),
        (["--seed", "-1"], 2, "--seed"),
        (["--from", "/no/such/folder"], 2, "does not exist"),
        (["--rows", "3", "--from", "."], 2, "leave out --rows"),
        (["--database", "nosuch://x"], 1, "database URL"),
        (["--database", "no url at all"], 1, "database URL"),
        (["--database", "sqlite:////no/such/folder/source.db"], 1, "Check that the database is up"),
        (["--database", "mysql+pymysql://me:hidden@127.0.0.1:1/x"], 1, "127.0.0.1:1"),
        (["--home", "/proc/none/home"], 1, "cannot be created"),
    ],
)
def test_mistakes_are_one_line_with_the_next_step(arguments: list[str], code: int, complaint: str) -> None:
    result = seed(*arguments)
    assert result.exit_code == code
    assert complaint in result.stderr
    assert "hidden" not in result.output
    assert "Traceback" not in result.output


def test_a_long_seeding_prints_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulators.source_db.cli.LINE_SECONDS", 0.0)
    result = seed("--rows", "1200", "--home", str(tmp_path))
    lines = [line for line in result.stderr.splitlines() if line.startswith("seeding: ")]
    assert lines[-1] == "seeding: 3,600 of 3,600 rows"
    assert "seeding" not in result.stdout


def test_a_long_loading_prints_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulators.source_db.cli.LINE_SECONDS", 0.0)
    folder = folder_of(tmp_path)
    result = seed("--from", str(folder), "--home", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert any(line.endswith(" rows") for line in result.stderr.splitlines() if line.startswith("seeding: "))


def test_a_short_seeding_prints_no_progress(tmp_path: Path) -> None:
    assert seed("--rows", "3", "--home", str(tmp_path)).stderr == ""
