"""The published results: one table, a chart, and their place in `docs/benchmarks.md`."""

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pygal
from pygal.style import Style
from rich.console import Console
from rich.table import Table

from benchmarks._results import GIB, Measurement, duration, verdict

DOCS = Path(__file__).parents[1] / "docs"
_COLUMNS = ("work", "ours", "peer", "ratio", "target", "met")
_NOT_MEASURED = "No results yet: run `make bench` on an idle machine."
_LONGEST_BAR = 3.0
"""The ratio at which a bar ends; its number shows the true ratio."""


@dataclass(frozen=True, slots=True)
class Results:
    """The measurements of one `make bench`, and earlier ones of the same machine.

    Attributes:
        machine: the machine, in words.
        cores: its cores.
        date: the day, as ISO text.
        measurements: in the order of the suite, then the earlier ones.
    """

    machine: str
    cores: int
    date: str
    measurements: Sequence[Measurement]


def save(measurements: Sequence[Measurement], docs: Path = DOCS) -> None:
    """Write the results of a run to `benchmarks.json`; those of this machine for works that it did not measure stay."""
    earlier, works = load(docs), {measurement.work for measurement in measurements}
    known = earlier.measurements if earlier is not None and earlier.machine == machine() else ()
    others = [other for other in known if other.work not in works]
    document = {
        "machine": machine(),
        "cores": os.cpu_count(),
        "date": datetime.now(UTC).date().isoformat(),
        "measurements": [measurement.to_json() for measurement in (*measurements, *others)],
    }
    _results_path(docs).write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def load(docs: Path = DOCS) -> Results | None:
    """Return the saved results; None if there are none."""
    if not _results_path(docs).exists():
        return None
    document = json.loads(_results_path(docs).read_text("utf-8"))
    measurements = [Measurement.from_json(measurement) for measurement in document["measurements"]]
    return Results(document["machine"], document["cores"], document["date"], measurements)


def publish(docs: Path = DOCS) -> list[Path]:
    """Write the saved results into `benchmarks.md`, with their chart; returns the files that were written."""
    page, results = docs / "benchmarks.md", load(docs)
    if results is None:
        replace_section(page, "results", _NOT_MEASURED)
        replace_section(page, "steps", _NOT_MEASURED)
        return [page]
    chart = docs / "benchmarks.svg"
    chart.write_bytes(svg_chart(results))
    text = f"Last run: {results.date}, {results.machine}.\n\n![Our seconds divided by the peer's](benchmarks.svg)\n\n"
    replace_section(page, "results", text + markdown_table(results.measurements))
    replace_section(page, "steps", _steps(results.measurements))
    return [page, chart]


def machine() -> str:
    """Return this machine in words: processor, cores, memory, system and Python."""
    gib = round(psutil.virtual_memory().total / GIB)
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {gib} GiB, {system}"


def text_table(measurements: Sequence[Measurement]) -> str:
    """Return the table for a terminal."""
    table = Table(*_COLUMNS)
    for measurement in measurements:
        table.add_row(*_cells(measurement))
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def markdown_table(measurements: Sequence[Measurement]) -> str:
    """Return the table for a Markdown page."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(_cells(measurement) for measurement in measurements)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def svg_chart(results: Results) -> bytes:
    """Return a chart of ratios: our seconds divided by the peer's, and the target."""
    compared = [measurement for measurement in results.measurements if measurement.ratio is not None][::-1]
    style = Style(background="#ffffff", plot_background="#ffffff", colors=("#2563eb", "#d1d5db"), value_font_size=12)
    chart = pygal.HorizontalBar(
        width=900,
        height=90 + 46 * len(compared),
        js=[],
        style=style,
        range=(0, _LONGEST_BAR),
        legend_at_bottom=True,
        print_values=True,
        print_values_position="top",
        truncate_label=60,
        title=f"Our seconds divided by the peer's, {results.date}",
    )
    chart.x_labels = [measurement.work for measurement in compared]
    chart.add("ours", [_charted(measurement.ratio) for measurement in compared])
    chart.add(
        "target", [_charted(measurement.target.ratio if measurement.target else None) for measurement in compared]
    )
    chart.uuid = "benchmarks"  # a random one would make every rendering differ
    tree = chart.render_tree()
    for parent in tree.iter():
        for child in list(parent):
            is_comment = not isinstance(child.tag, str)  # one holds the day of the rendering
            if is_comment or child.tag.endswith("script"):
                parent.remove(child)
    return ElementTree.tostring(tree, encoding="utf-8", xml_declaration=True)


def replace_section(page: Path, name: str, text: str) -> None:
    """Replace what is between the marks `<!-- NAME -->` and `<!-- /NAME -->` of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opening, following = page.read_text("utf-8").partition(begin)
    _, closing, after = following.partition(end)
    if not (opening and closing):
        raise ValueError(f"{page} has no section {name!r}. Restore the marks {begin} and {end}.")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", "utf-8")


def _steps(measurements: Sequence[Measurement]) -> str:
    """Return the table of the steps of `make run`."""
    stepwise = next((measurement for measurement in measurements if measurement.parts), None)
    if stepwise is None or stepwise.parts is None:
        return _NOT_MEASURED
    rows = [f"| {step} | {seconds:.1f} |" for step, seconds in stepwise.parts.items()]
    return "\n".join(["| step | seconds |", "| --- | ---: |", *rows, f"| all | {stepwise.ours_s:.1f} |"])


def _cells(measurement: Measurement) -> tuple[str, ...]:
    peer_s, ratio = measurement.peer_s, measurement.ratio
    return (
        measurement.work,
        _seconds_and_memory(measurement),
        measurement.peer if peer_s is None else f"{measurement.peer}: {duration(peer_s)}",
        "-" if ratio is None else f"{ratio:.2f}",
        "-" if measurement.target is None else str(measurement.target),
        verdict(measurement),
    )


def _seconds_and_memory(measurement: Measurement) -> str:
    peak = measurement.peak_bytes
    return duration(measurement.ours_s) + ("" if peak is None else f", peak {peak / GIB:.2f} GiB")


def _charted(ratio: float | None) -> dict[str, Any] | None:
    return None if ratio is None else {"value": min(ratio, _LONGEST_BAR), "formatter": lambda _: f"{ratio:.2f}"}


def _processor() -> str:
    """Return the processor's model; the architecture if the system does not name it."""
    cpus = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.+)$", cpus.read_text(), re.MULTILINE) if cpus.exists() else None
    return model[1].strip() if model else platform.processor() or platform.machine()


def _results_path(docs: Path) -> Path:
    return docs / "benchmarks.json"
