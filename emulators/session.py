"""Running one command with a home's services up, and restoring the state from before."""

import contextlib
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn, cast

from emulators import control, environment, shared_spark
from emulators.failures import EmulatorFailure
from emulators.home import PROJECT, Home, private_files
from emulators.output_relay import OutputRelay
from emulators.ports import require_free
from emulators.services.supervision import end, marked

_MARK = "PINTEREST_EMULATORS_SESSION"
"""Environment variable that marks every process of a session."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_SECONDS = 15
"""Time for a command to end after a signal."""

_LEFTOVER_SECONDS = 5
"""Time for other processes of the session to end; Dagster's code servers ignore a signal to end."""

_RELAY_SECONDS = 2.0
"""Time to copy the rest of a command's output; processes that it left behind can hold it open."""

_STEADY = ("post", "--route", "both", "--forever", "--rate", "2", "--growing", "--retry-for", "86400")


class _Interrupted(BaseException):
    """A signal to stop; a BaseException, so that handlers of ordinary errors do not catch it.

    Args:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Company:
    """The processes that run next to a command, and the place of its output.

    Attributes:
        logged: write the command's output to a log too, and after a signal only there.
        hidden: with `logged`, lines of the output that match are only in the log.
        posting: post steadily, new and changed rows among them; an empty source database is seeded first.
        spark: run a Spark server that the platform's runs share, unless the environment names one.
        programs: other commands, each as one text.
        ports: ports of 127.0.0.1 that the command and the programs need.
    """

    posting: bool = False
    spark: bool = False
    programs: Sequence[str] = ()
    logged: bool = False
    hidden: re.Pattern[str] | None = None
    ports: Sequence[int] = ()


def run(home: Home, command: Sequence[str], company: Company | None = None) -> int:
    """Run a command with the home's services up; services that this call started are stopped at the end.

    A signal is forwarded to the command, which has some time to end; then all processes that it started are ended.

    Args:
        home: the home.
        command: program and arguments.
        company: the processes that run meanwhile.

    Returns:
        The command's exit code, as a shell reports it.

    Raises:
        EmulatorFailure: a port is in use, the services do not start, or there is no such program.
    """
    company = company or Company()
    require_free(company.ports)
    with private_files(), _signals_raise():
        was_up = control.is_supervised(home)
        session = secrets.token_hex(16)
        try:
            control.up(home, _report)
            variables = {**environment.child_environment(home), _MARK: session}
            if company.posting:
                _start_posting(home, variables)
            for program in company.programs:
                _start_program(home, program, variables)
            if company.spark and shared_spark.is_wanted(variables):
                variables[shared_spark.VARIABLE] = _start_spark(home, variables)
            if company.logged:
                return _wait_logged(home.logs / "command.log", company.hidden, command, variables)
            return _wait(_start(command, variables))
        except _Interrupted as interrupted:
            return 128 + interrupted.number
        finally:
            _ignore_signals()
            end(marked(_MARK, session), _LEFTOVER_SECONDS)
            if not was_up:
                control.down(home)


def _start(command: Sequence[str], variables: Mapping[str, str], **options: Any) -> subprocess.Popen[bytes]:
    try:
        return cast("subprocess.Popen[bytes]", subprocess.Popen(command, env=dict(variables), **options))
    except OSError as error:
        raise EmulatorFailure(
            f"{command[0]} cannot be run: {error.strerror}.", "Name an installed program after `--`."
        ) from None


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the command; a signal is forwarded to it, and it gets some time to end."""
    try:
        return _exit_code(process.wait())
    except _Interrupted as interrupted:
        _ignore_signals()
        if not _terminal_sends(interrupted.number):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(interrupted.number)
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # it ignores the signal: it is ended with all other processes of the session
        raise


def _wait_logged(
    log: Path, hidden: re.Pattern[str] | None, command: Sequence[str], variables: Mapping[str, str]
) -> int:
    """Run the command in a session of its own, so that a terminal's Ctrl-C does not reach its children before it."""
    relay = OutputRelay(log, hidden)
    process = None
    try:
        process = _start(command, variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        relay.start(cast("IO[bytes]", process.stdout))
        return _exit_code(process.wait())
    except _Interrupted as interrupted:
        _ignore_signals()
        relay.mute()
        _report(
            f"stopping     waiting for the command, {_GRACE_SECONDS} s at most, and then for everything that was "
            f"started with it; the rest of the output is in {_shortest(log)}"
        )
        if process is not None:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                process.send_signal(interrupted.number)
                process.wait(_GRACE_SECONDS)
        raise
    finally:
        relay.finish(_RELAY_SECONDS)


def _start_posting(home: Home, variables: Mapping[str, str]) -> None:
    emulators = [sys.executable, "-m", "emulators"]
    with_project = {**variables, "PYTHONPATH": str(PROJECT)}
    seeding = subprocess.run([*emulators, "seed", "--if-empty"], env=with_project, check=False)
    if seeding.returncode:
        raise EmulatorFailure("The source database could not be seeded.", "Fix the error above and retry.")
    log = home.logs / "posting.log"
    _start_logged([*emulators, *_STEADY], log, with_project)
    _report(f"posting      steadily; its log is {_shortest(log)}")


def _start_program(home: Home, program: str, variables: Mapping[str, str]) -> None:
    try:
        command = shlex.split(program)
    except ValueError:  # a quotation mark is not closed
        command = []
    if not command:
        raise EmulatorFailure(
            f"`--with {shlex.quote(program)}` is not a command.", "Name an installed program after it."
        )
    name = Path(command[0]).name
    log = home.logs / f"{name}.log"
    _start_logged(command, log, variables)
    _report(f"{name:<12} runs: {shlex.join([name, *command[1:]])}; its log is {_shortest(log)}")


def _start_logged(command: Sequence[str], log: Path, variables: Mapping[str, str]) -> None:
    """Start a process of the session in the background, with a log of its own."""
    with log.open("wb") as output:
        _start(command, variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def _start_spark(home: Home, variables: Mapping[str, str]) -> str:
    log = home.logs / "spark.log"
    remote = shared_spark.start(log, variables)
    _report(f"spark        {remote}, for all runs; its log is {_shortest(log)}")
    return remote


def _exit_code(returned: int) -> int:
    return 128 - returned if returned < 0 else returned


def _terminal_sends(number: int) -> bool:
    """Return whether the terminal sends the signal to the command as well, which is in the same process group."""
    try:
        return number == signal.SIGINT and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        raise _Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """Ignore signals during the cleanup, which a second Ctrl-C must not interrupt."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _shortest(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
