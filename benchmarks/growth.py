"""Full builds of growing size: the exponent of time by size, and peak memory; each build in a process of its own.

The peer of each larger build is the next smaller one, scaled by n^1.05.
"""

import json
import math
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click

from benchmarks import full_build
from benchmarks._landed import Load, Posts, Topics
from benchmarks._results import GIB, Measurement, Target, json_option, report
from pinterest_platform.spark_jobs import sessions
from pinterest_platform.spark_jobs.parameters import Batch

EXPONENT = 1.05
_PEAK_BYTES = 6 * GIB
_SEED = 1
_KIBIBYTE = 1024
_PLAN, _OUTCOME = "load.json", "outcome.json"


@dataclass(frozen=True, slots=True)
class Build:
    """One full build.

    Attributes:
        rows: its posts.
        seconds: its time, without the start of the engine.
        peak_bytes: the peak resident memory of its process.
    """

    rows: int
    seconds: float
    peak_bytes: int


def exponent(builds: Sequence[Build]) -> float:
    """Return the slope of log(seconds) by log(posts): the least-squares line through all builds."""
    xs, ys = [math.log(build.rows) for build in builds], [math.log(build.seconds) for build in builds]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - x_mean) ** 2 for x in xs)


def measurements(builds: Sequence[Build]) -> list[Measurement]:
    """Return a measurement for each build; all but the smallest are compared with the next smaller one, scaled."""
    ordered = sorted(builds, key=lambda build: build.rows)
    smallest = ordered[0]
    target = Target(peak_bytes=_PEAK_BYTES)
    first = Measurement(
        _work(smallest),
        "none",
        smallest.seconds,
        target=target,
        records=_records(smallest),
        peak_bytes=smallest.peak_bytes,
    )
    return [first, *(_measurement(build, smaller) for smaller, build in pairwise(ordered))]


def _measurement(build: Build, smaller: Build) -> Measurement:
    return Measurement(
        work=_work(build),
        peer=f"{smaller.rows:,} posts, scaled by n^{EXPONENT}; here n^{exponent([smaller, build]):.2f}",
        ours_s=build.seconds,
        peer_s=smaller.seconds * (build.rows / smaller.rows) ** EXPONENT,
        target=Target(ratio=1.0, peak_bytes=_PEAK_BYTES),
        records=_records(build),
        peak_bytes=build.peak_bytes,
    )


def _work(build: Build) -> str:
    return f"growth, {build.rows:,} posts x 3"


def _records(build: Build) -> int:
    return 3 * build.rows


def build_in_child(rows: int, root: Path) -> Build:
    """Land posts here, then build from them in a process of its own, whose memory is measured.

    Raises:
        CalledProcessError: the process failed.
    """
    load = Topics(root).land(Posts(rows, _SEED).take(rows))
    plan = {name: [batch.to_json() for batch in batches] for name, batches in load.batches.items()}
    (root / _PLAN).write_text(json.dumps(plan))
    subprocess.run([sys.executable, "-m", "benchmarks.growth", "--child", str(root)], check=True)
    outcome = json.loads((root / _OUTCOME).read_text())
    return Build(rows, outcome["seconds"], outcome["peak_bytes"])


def _child(root: Path) -> None:
    """Build from the objects of a folder, and write the time and the peak memory there."""
    plan: Mapping[str, list[dict[str, object]]] = json.loads((root / _PLAN).read_text())
    load = Load({name: [Batch.from_json(batch) for batch in batches] for name, batches in plan.items()})
    with sessions.session(None) as spark:
        seconds = full_build.seconds(lambda: full_build.build(spark, root / "lake", load))
    (root / _OUTCOME).write_text(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes()}))


def peak_bytes() -> int:
    """Return the peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage of a child also counts what its parent had before the child began
        return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)[0]) * _KIBIBYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _to_sizes(_context: click.Context, _parameter: click.Parameter, rows: str) -> list[int]:
    """Return the distinct sizes, smallest first."""
    sizes = rows.split(",")
    for size in sizes:
        if not (size.strip().isdecimal() and int(size)):
            raise click.BadParameter(f"{size!r} is not a number of posts. Use for example --rows 100000,1000000.")
    return sorted({int(size) for size in sizes})


@click.command()
@click.option(
    "--rows",
    "sizes",
    callback=_to_sizes,
    default="100000,1000000",
    show_default=True,
    metavar="N,N,…",
    help="Posts of each build, of three records.",
)
@click.option("--child", type=click.Path(path_type=Path), hidden=True)
@json_option
def main(sizes: list[int], child: Path | None, json_path: Path | None) -> None:
    """Build tables and reports from N posts for each N; print the exponent and the peak memory.

    10,000,000 posts need about 25 GB of disk below TMPDIR.
    """
    if child is not None:
        _child(child)
        return
    builds: list[Build] = []
    for size in sizes:
        root = Path(tempfile.mkdtemp(prefix="growth-"))
        try:
            builds.append(build_in_child(size, root))
        finally:
            shutil.rmtree(root)
        click.echo(f"{size:,} posts: {builds[-1].seconds:.2f} s, peak {builds[-1].peak_bytes / GIB:.2f} GiB")
    if len(builds) > 1:
        click.echo(f"time grows with n^{exponent(builds):.2f}; target n^{EXPONENT}")
    report(measurements(builds), json_path)


if __name__ == "__main__":
    main()
