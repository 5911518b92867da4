"""A command that cannot write."""

import errno
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from emulators.cli import main


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_line_with_the_file(number: int) -> None:
    group = type(main)(name="emulators")

    @group.command()
    def write() -> None:
        raise OSError(number, os.strerror(number), "/home/file")

    result = CliRunner().invoke(group, ["write"])
    assert result.exit_code == 1
    assert f"Cannot write /home/file: {os.strerror(number)}. Free disk space" in result.output
    assert "Traceback" not in result.output


def test_an_output_that_is_full_is_one_line() -> None:
    program = "from emulators.cli import main; from emulators.console import echo\n"
    program += "main.command(name='talk')(lambda: echo('x'))\nmain(['talk'])"
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[0].startswith("Error: Cannot write the output or a file: No space left on device.")
