"""The benchmarks, and which of their runs `make bench` makes."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import _results
from benchmarks._results import Measurement


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module of this package that measures.

    Attributes:
        name: the module's name.
        summary: its work, in one line.
        peer: the program that it is compared with.
        needs_emulators: True if it runs under `python -m emulators exec`.
        runs: the arguments of each of its runs in `make bench`; none if it is not a part of it.
        slow_runs: those instead of them with `--slow`, if there are any.
    """

    name: str
    summary: str
    peer: str
    needs_emulators: bool = True
    runs: tuple[tuple[str, ...], ...] = ((),)
    slow_runs: tuple[tuple[str, ...], ...] = ()


BENCHMARKS = (
    Benchmark(
        "full_build",
        "objects to tables and reports; one per cent more; unchanged rows",
        "DuckDB script to Parquet, tuned manually",
        needs_emulators=False,
        runs=(("--rows", "1000000"), ("--rows", "20000")),
    ),
    Benchmark(
        "growth",
        "full builds of growing size: exponent and peak memory",
        "the next smaller build, scaled by n^1.05",
        needs_emulators=False,
        runs=(("--rows", "100000,1000000"),),
        slow_runs=(("--rows", "100000,1000000,10000000"),),
    ),
    Benchmark("landing", "records of one Kafka partition into S3", "a plain copy without guarantees"),
    Benchmark("ledger", "the ledger over many objects, with nothing new", "the first ledger over the same objects"),
    Benchmark("posting", "posts through gateway and REST proxy", "bare asyncio HTTP client and servers, two hops"),
    Benchmark("stream_drain", "records of four Kinesis shards, landed; landed and cleaned", "a loop of GetRecords"),
    Benchmark("streaming_latency", "from a post to its row in cleaned_stream", "Spark Structured Streaming"),
    Benchmark("first_run", "`make run` after set-up, step by step", "none", needs_emulators=False),
)
BY_NAME = {benchmark.name: benchmark for benchmark in BENCHMARKS}


def run(benchmark: Benchmark, arguments: Sequence[str], home: Path) -> int:
    """Run a benchmark in a process of its own; returns its exit code.

    Args:
        benchmark: the benchmark.
        arguments: its arguments.
        home: the home of its emulators, if it needs them.
    """
    python = sys.executable
    command = [python, "-m", f"benchmarks.{benchmark.name}", *arguments]
    if benchmark.needs_emulators and "--help" not in arguments:
        command = [python, "-m", "emulators", "exec", "--home", str(home), "--", *command]
    return subprocess.run(command, check=False).returncode


def run_suite(benchmarks: Sequence[Benchmark], *, slow: bool = False) -> tuple[list[Measurement], list[str]]:
    """Make the runs of benchmarks one after the other; returns the measurements, and the names of failed benchmarks."""
    measurements: list[Measurement] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pinterest-bench-", ignore_cleanup_errors=True) as folder:
        for benchmark in benchmarks:
            for number, arguments in enumerate((slow and benchmark.slow_runs) or benchmark.runs):
                print(f"== {' '.join([benchmark.name, *arguments])}", flush=True)
                path = Path(folder) / f"{benchmark.name}-{number}.json"
                code = run(benchmark, [*arguments, "--json", str(path)], Path(folder) / "home")
                if code or not path.exists():
                    failed.append(benchmark.name)
                else:
                    measurements += _results.read(path)
    return measurements, failed
