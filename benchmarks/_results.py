"""Measurements: their form, their JSON, and the option of every benchmark that writes it."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Target:
    """The upper limits that a measurement has to keep.

    Attributes:
        ratio: of our seconds to the peer's.
        seconds: of our seconds.
        peak_bytes: of the memory of our process.
    """

    ratio: float | None = None
    seconds: float | None = None
    peak_bytes: int | None = None

    def __str__(self) -> str:
        limits = [
            "" if self.ratio is None else f"ratio ≤ {self.ratio:.2f}",
            "" if self.seconds is None else f"≤ {self.seconds:g} s",
            "" if self.peak_bytes is None else f"≤ {self.peak_bytes / GIB:g} GiB",
        ]
        return ", ".join(limit for limit in limits if limit)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The seconds of one piece of work, ours and the peer's in the same run.

    Attributes:
        work: the work, with its size.
        peer: the program that did the same work; "none" if there is no such program.
        ours_s: our seconds.
        peer_s: the peer's seconds; None without a peer.
        target: the limits; None if the work has no target.
        records: the records that we processed; None for a latency.
        bytes: the bytes of those records, if they were counted.
        peak_bytes: the peak memory of our process, if it was measured.
        parts: our seconds by step, if the work has steps.
    """

    work: str
    peer: str
    ours_s: float
    peer_s: float | None = None
    target: Target | None = None
    records: int | None = None
    bytes: int | None = None
    peak_bytes: int | None = None
    parts: Mapping[str, float] | None = None

    @property
    def ratio(self) -> float | None:
        """Our seconds divided by the peer's; below 1, we are faster."""
        return None if self.peer_s is None else self.ours_s / self.peer_s

    @property
    def met(self) -> bool | None:
        """True if every limit of the target is kept; None without a target, or if a limited value is missing."""
        if self.target is None:
            return None
        limits = (
            (self.ratio, self.target.ratio),
            (self.ours_s, self.target.seconds),
            (self.peak_bytes, self.target.peak_bytes),
        )
        verdicts = [None if value is None else value <= limit for value, limit in limits if limit is not None]
        return None if None in verdicts else all(verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return the measurement with its ratio and its verdict as JSON scalars and objects."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Measurement":
        """Read a measurement that `to_json` wrote."""
        fields = {name: value for name, value in document.items() if name not in ("ratio", "met", "target")}
        target = document.get("target")
        return cls(**fields, target=None if target is None else Target(**target))


def _in_a_folder(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.")
    return path


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option `--json FILE` to a benchmark's command."""
    return click.option(
        "--json",
        "json_path",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_in_a_folder,
        metavar="FILE",
        help="Write the measurements to FILE: a list of objects with work, peer, ours_s, peer_s, ratio, target, met.",
    )(command)


def report(measurements: Iterable[Measurement], json_path: Path | None) -> None:
    """Print a line for each measurement, and write them to a file if one is given."""
    measurements = list(measurements)
    for measurement in measurements:
        click.echo(line(measurement))
    if json_path is not None:
        json_path.write_text(json.dumps([measurement.to_json() for measurement in measurements], indent=2) + "\n")


def read(json_path: Path) -> list[Measurement]:
    """Return the measurements of a file that `report` wrote."""
    return [Measurement.from_json(document) for document in json.loads(json_path.read_text())]


def line(measurement: Measurement) -> str:
    """Return a measurement as one line of text."""
    parts = [f"{measurement.work}: {duration(measurement.ours_s)}{_rate(measurement)}"]
    if measurement.peer_s is not None:
        parts.append(f"{measurement.peer} {duration(measurement.peer_s)}, ratio {measurement.ratio:.2f}")
    if measurement.peak_bytes is not None:
        parts.append(f"peak memory {measurement.peak_bytes / GIB:.2f} GiB")
    if measurement.target is not None:
        parts.append(f"target {measurement.target}: {verdict(measurement)}")
    return "; ".join(parts)


def duration(seconds: float) -> str:
    """Return seconds in a readable unit."""
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.2f} ms"


def verdict(measurement: Measurement) -> str:
    """Return "met", "not met", or "-" if there is nothing to decide."""
    return {True: "met", False: "not met", None: "-"}[measurement.met]


def _rate(measurement: Measurement) -> str:
    return "" if measurement.records is None else f" ({measurement.records / measurement.ours_s:,.0f} records/s)"
