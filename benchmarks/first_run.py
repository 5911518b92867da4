"""`make run` after set-up: the seconds of its steps, in a new home."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import click

from benchmarks._results import Measurement, Target, json_option, report

PROJECT = Path(__file__).parents[1]
_TRACE = "@$(date +%s.%N) "
"""The shell's PS4: its trace then shows when each command began."""
_TARGET = Target(seconds=35.0)
_MODULE = re.compile(r" -m (\S+)(?: ([a-z]\S*))?(?: ([a-z]\S*))?")


def steps(trace: str, started: float, ended: float) -> dict[str, float]:
    """Return the seconds of each step of a traced run.

    Args:
        trace: the shell's trace; other output may be between its lines.
        started: the time before the services were started.
        ended: the time after they were stopped.
    """
    moments = [("start the services", started), *_commands(trace)]
    seconds: dict[str, float] = {}
    for (label, begin), (_, end) in pairwise([*moments, ("", ended)]):
        seconds[label] = seconds.get(label, 0.0) + end - begin
    return seconds


def _commands(trace: str) -> Iterator[tuple[str, float]]:
    """Return each traced command's label, and when it began; only modules and the end have a label of their own."""
    for moment, command in re.findall(r"^@+(\d+\.\d+) (.*)$", trace, re.MULTILINE):
        if module := _MODULE.search(f" {command}"):
            yield " ".join(part for part in module.groups() if part), float(moment)
        elif command == "true":
            yield "stop the services", float(moment)


def _traced(arguments: Sequence[str]) -> str:
    """Run a program in the project's folder with the shell's trace on; returns what it wrote to stderr.

    Raises:
        RuntimeError: it failed.
    """
    environment = {**os.environ, "PS4": _TRACE}
    process = subprocess.run(
        arguments,
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if process.returncode:
        raise RuntimeError(f"The first run ended with exit code {process.returncode}: {process.stderr[-3000:]}")
    return process.stderr


@click.command()
@json_option
def main(json_path: Path | None) -> None:
    """Run `.ci/tour` as `make run` does, in a new home, and print the seconds of each step."""
    with tempfile.TemporaryDirectory(prefix="pinterest-first-", ignore_cleanup_errors=True) as folder:
        script = Path(folder) / "tour"
        script.write_text(". .ci/tour\ntrue\n")  # in a file: dash expands PS4 only for files
        command = [sys.executable, "-m", "emulators", "exec", "--home", f"{folder}/home", "--", "sh", "-x", str(script)]
        started = time.time()
        trace = _traced(command)
        ended = time.time()
    parts = steps(trace, started, ended)
    for step, seconds in parts.items():
        click.echo(f"{step:<50}{seconds:7.1f} s")
    report([Measurement("make run after set-up", "none", ended - started, target=_TARGET, parts=parts)], json_path)


if __name__ == "__main__":
    main()
