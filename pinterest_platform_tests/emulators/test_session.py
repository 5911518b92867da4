"""`exec`: the output of a command that is logged, and the programs that run next to it, without services."""

import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from emulators import output_relay

SCRIPT = """
import os, sys
from emulators import control, environment, session

control.is_supervised = lambda home: True
control.up = lambda home, report: None
environment.child_environment = lambda home: dict(os.environ)
from emulators.cli import main
main()
"""

NOISY = """
import signal, sys, time
def stop(*_):
    print("Traceback of a signal", flush=True)
    sys.exit(7)
signal.signal(signal.SIGINT, stop)
print("started", flush=True)
print("a warning", file=sys.stderr, flush=True)
time.sleep(60)
"""


@contextmanager
def executed(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`exec` on a home whose services count as up."""
    (home / "logs").mkdir()
    command = [sys.executable, "-c", SCRIPT, "exec", "--home", str(home), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_output_of_a_logged_command_is_on_the_terminal_and_in_the_log(tmp_path: Path) -> None:
    with executed(tmp_path, "--logged", "--", sys.executable, "-c", "print('out'); import sys; sys.exit(3)") as process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "out\n")
    assert (tmp_path / "logs" / "command.log").read_text() == "out\n"


def test_hidden_lines_are_only_in_the_log(tmp_path: Path) -> None:
    script = "print('one\\ntwo\\nthree')"
    with executed(
        tmp_path, "--logged", "--hide", "^tw", "--hide", "^th", "--", sys.executable, "-c", script
    ) as process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "one\n")
    assert (tmp_path / "logs" / "command.log").read_text() == "one\ntwo\nthree\n"


def test_a_wrong_expression_is_named(tmp_path: Path) -> None:
    with executed(tmp_path, "--hide", "(", "--", "true") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "not a regular expression: missing )" in err


@pytest.mark.parametrize("full", ["log", "terminal"])
def test_a_logged_command_whose_output_cannot_be_written_goes_on(full: str, tmp_path: Path) -> None:
    log, out = tmp_path / "command.log", tmp_path / "out"
    (log if full == "log" else out).symlink_to("/dev/full")
    # Ten times what a pipe holds: the command waits until somebody reads it.
    command = [sys.executable, "-c", "for n in range(10_000): print('x' * 63)"]
    script = "import subprocess, sys; from pathlib import Path; from emulators.output_relay import OutputRelay\n"
    script += "relay = OutputRelay(Path(sys.argv[1]))\n"
    script += "process = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE)\n"
    script += "relay.start(process.stdout); code = process.wait(20); relay.finish(20); sys.exit(code)"
    with out.open("wb") as terminal:
        ended = subprocess.run(
            [sys.executable, "-c", script, str(log), *command],
            stdout=terminal,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = (out if full == "log" else log).read_text().splitlines()
    assert lines.count("x" * 63) == 10_000
    notice = [f"{log} gets no more lines: No space left on device."]
    assert [line for line in lines if not line.startswith("x")] == (notice if full == "log" else [])


def test_a_log_that_grows_large_is_begun_again_and_the_previous_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output_relay, "MOST_LOG_BYTES", 20)
    log, lines = tmp_path / "command.log", b"".join(b"line %d\n" % number for number in range(8))
    relay = output_relay.OutputRelay(log)
    relay.start(io.BytesIO(lines))
    relay.finish(20)
    assert log.read_text() == "line 6\nline 7\n"
    assert (tmp_path / "command.log.1").read_text() == "line 3\nline 4\nline 5\n"
    assert capfd.readouterr().out == lines.decode()


def test_a_port_that_is_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with executed(tmp_path, "--port", str(port), "--", "echo", "started") as process:
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    holder = f"{psutil.Process().name()} (process {os.getpid()})"
    assert err == f"Error: Port {port} is taken by {holder}. Stop that process, then run the command again.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_logged_command_that_is_stopped_prints_nothing_more(number: signal.Signals, tmp_path: Path) -> None:
    noisy = NOISY.replace("signal.SIGINT", f"signal.{number.name}")
    with executed(tmp_path, "--logged", "--", sys.executable, "-c", noisy) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["started\n", "a warning\n"]
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    assert err == (
        "stopping     waiting for the command, 15 s at most, and then for everything that was started with it; "
        f"the rest of the output is in {tmp_path}/logs/command.log\n"
    )
    assert (tmp_path / "logs" / "command.log").read_text() == "started\na warning\nTraceback of a signal\n"


def test_programs_run_next_to_the_command_and_end_with_it(tmp_path: Path) -> None:
    mark, end, program = tmp_path / "mark", tmp_path / "end", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$1\"\ntouch '{mark}'\nsleep 60 & wait\n")
    program.chmod(0o700)
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(end)!r}).exists(): time.sleep(0.05)"
    with executed(tmp_path, "--with", f"{program} 'one word'", "--", sys.executable, "-c", wait) as process:
        while not mark.exists():
            assert process.poll() is None
            time.sleep(0.05)
        assert running(program)
        end.touch()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
    assert err == f"program      runs: program 'one word'; its log is {tmp_path}/logs/program.log\n"
    assert (tmp_path / "logs" / "program.log").read_text() == "one word\n"
    assert not running(program)


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with executed(tmp_path, "--with", "no-such-program", "--", "true") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no-such-program cannot be run" in err


@pytest.mark.parametrize("program", ["", " ", "sleep '60"])
def test_a_program_that_is_no_command_is_one_line(program: str, tmp_path: Path) -> None:
    with executed(tmp_path, "--with", program, "--", "true") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == f"Error: `--with {shlex.quote(program)}` is not a command. Name an installed program after it.\n"


def running(program: Path) -> bool:
    """Return whether a process of a program runs; `executed` names it in its own arguments, too."""
    started = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return any(arguments[:2] == ["/bin/sh", str(program)] for arguments in started)
