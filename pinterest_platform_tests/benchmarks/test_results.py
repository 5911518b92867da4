"""Measurements, their verdicts, and the pages that show them."""

import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Self

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import _publication, _results, _suite, growth
from benchmarks._results import GIB, Measurement, Target
from benchmarks.growth import Build, exponent, measurements

ROOT = Path(__file__).parents[2]
FAST = Measurement("a build", "a script", 1.0, 2.0, Target(ratio=1.0), records=300)
SLOW = Measurement("a copy", "a loop", 3.0, 2.0, Target(ratio=1.18))
ALONE = Measurement("the first run", "none", 40.0, target=Target(seconds=35), parts={"seed": 1.5, "post": 38.5})


class _FirstDay(date):
    """Another day than today."""

    @classmethod
    def today(cls) -> Self:
        return cls(2001, 2, 3)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks.md").write_text((ROOT / "docs" / "benchmarks.md").read_text("utf-8"), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("measurement", "met"),
    [
        (FAST, True),
        (SLOW, False),
        (ALONE, False),
        (Measurement("w", "p", 1.0, 2.0), None),
        (Measurement("w", "none", 1.0, target=Target(ratio=1.0)), None),
        (Measurement("w", "p", 1.0, 1.0, Target(ratio=1.0, peak_bytes=GIB), peak_bytes=2 * GIB), False),
        (Measurement("w", "p", 1.0, 1.0, Target(ratio=1.0, peak_bytes=GIB), peak_bytes=GIB), True),
    ],
)
def test_a_target_is_met_if_every_limit_is_kept(measurement: Measurement, met: bool | None) -> None:
    assert measurement.met is met


def test_the_json_is_a_list_of_objects_that_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    _results.report([FAST, ALONE], path)
    first, second = json.loads(path.read_text())
    assert {name: first[name] for name in ("work", "peer", "ours_s", "peer_s", "ratio", "met")} == {
        "work": "a build", "peer": "a script", "ours_s": 1.0, "peer_s": 2.0, "ratio": 0.5, "met": True
    }  # fmt: skip
    assert second["ratio"] is None
    assert _results.read(path) == [FAST, ALONE]


def test_a_line_names_the_peer_the_ratio_and_the_target() -> None:
    assert (
        _results.line(FAST) == "a build: 1.00 s (300 records/s); a script 2.00 s, ratio 0.50; target ratio ≤ 1.00: met"
    )


def test_works_that_a_run_did_not_measure_keep_their_last_result_on_the_same_machine(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publication.save([FAST, ALONE], docs)
    _publication.save([SLOW, replace(FAST, ours_s=7.0)], docs)
    results = _publication.load(docs)
    assert results is not None
    assert list(results.measurements) == [SLOW, replace(FAST, ours_s=7.0), ALONE]
    monkeypatch.setattr(_publication, "machine", lambda: "another one")
    _publication.save([FAST], docs)
    results = _publication.load(docs)
    assert results is not None and list(results.measurements) == [FAST]


def test_the_page_shows_the_saved_results_with_machine_date_chart_and_steps(docs: Path) -> None:
    _publication.save([FAST, SLOW, ALONE], docs)
    page, chart = _publication.publish(docs)
    text, results = page.read_text("utf-8"), _publication.load(docs)
    assert results is not None and results.measurements == [FAST, SLOW, ALONE]
    assert f"Last run: {results.date}, {results.machine}." in text
    assert "| a copy | 3.00 s | a loop: 2.00 s | 1.50 | ratio ≤ 1.18 | not met |" in text
    assert "| post | 38.5 |" in text and "| all | 40.0 |" in text
    svg = chart.read_text("utf-8")
    assert "a build" in svg and "<script" not in svg


def test_publishing_again_changes_only_what_changed(docs: Path) -> None:
    _publication.save([FAST], docs)
    _publication.publish(docs)
    once = {path.name: path.read_bytes() for path in docs.iterdir()}
    _publication.publish(docs)
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == once


def test_the_day_of_publishing_does_not_change_the_chart(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _publication.save([FAST], docs)
    results = _publication.load(docs)
    assert results is not None
    chart = _publication.svg_chart(results)
    monkeypatch.setattr("pygal.svg.date", _FirstDay)
    assert _publication.svg_chart(results) == chart


def test_without_results_the_page_names_the_command(docs: Path) -> None:
    _publication.publish(docs)
    assert (docs / "benchmarks.md").read_text("utf-8").count("run `make bench`") == 2


def test_a_page_without_the_marks_is_refused(docs: Path) -> None:
    (docs / "benchmarks.md").write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="has no section 'results'"):
        _publication.publish(docs)


def test_the_published_page_is_what_the_command_writes(docs: Path) -> None:
    saved = ROOT / "docs" / "benchmarks.json"
    if saved.exists():
        (docs / "benchmarks.json").write_text(saved.read_text("utf-8"), "utf-8")
    _publication.publish(docs)
    assert (docs / "benchmarks.md").read_text("utf-8") == (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    if saved.exists():
        assert (docs / "benchmarks.svg").read_bytes() == (ROOT / "docs" / "benchmarks.svg").read_bytes()


def test_every_benchmark_is_a_module_with_its_peer_on_the_page() -> None:
    modules = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("_")}
    assert modules - {"scaling"} == set(_suite.BY_NAME)
    text = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert all(f"| `{name}` |" in text for name in _suite.BY_NAME)


def test_the_suite_collects_what_succeeded_and_names_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(benchmark: _suite.Benchmark, arguments: list[str], home: Path) -> int:
        if benchmark.name == "landing":
            return 1
        _results.report([FAST], Path(arguments[-1]))
        return 0

    monkeypatch.setattr(_suite, "run", run)
    assert _suite.run_suite(_suite.BENCHMARKS[:3]) == ([FAST, FAST, FAST], ["landing"])


@pytest.mark.parametrize(("options", "largest"), [([], "1000000"), (["--slow"], "10000000")])
def test_the_build_of_ten_million_posts_runs_on_request_only(
    options: list[str], largest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: dict[str, list[str]] = {}

    def run(benchmark: _suite.Benchmark, arguments: list[str], home: Path) -> int:
        calls[benchmark.name] = arguments
        return 1

    monkeypatch.setattr(_suite, "run", run)
    assert command.main(options) == 1
    assert calls["growth"][1].split(",")[-1] == largest and len(calls) == len(_suite.BENCHMARKS)


def test_a_failed_benchmark_leaves_the_published_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_suite, "run_suite", lambda *_, slow: ([FAST], ["landing"]))
    monkeypatch.setattr(_publication, "save", lambda _: pytest.fail("it was saved"))
    assert command.main([]) == 1


def test_options_reach_the_benchmark_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(_suite, "run", lambda benchmark, arguments, _: calls.append((benchmark.name, arguments)) or 0)
    assert command.main(["full_build", "--rows", "20000"]) == 0
    assert calls == [("full_build", ["--rows", "20000"])]


@pytest.mark.parametrize("arguments", [["nothing"], ["landing", "posting", "--json", "x"], ["--rows", "1"]])
def test_wrong_arguments_are_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_suite, "run", lambda *_: pytest.fail("it ran"))
    assert command.main(arguments) == 2


@pytest.mark.parametrize("rows", ["nonsense", "100,", "0", "1e6", "-5"])
def test_sizes_that_are_not_numbers_are_a_usage_error(rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "build_in_child", lambda *_: pytest.fail("it built"))
    outcome = CliRunner().invoke(growth.main, [f"--rows={rows}"])
    assert outcome.exit_code == 2
    assert f"{rows.split(',')[-1]!r} is not a number of posts" in outcome.output
    assert "--rows 100000,1000000" in outcome.output


def test_the_exponent_of_growth_is_the_slope_of_logarithms() -> None:
    builds = [Build(rows, 2e-6 * rows**1.1, GIB) for rows in (10**5, 10**6, 10**7)]
    assert exponent(builds) == pytest.approx(1.1)
    first, second, third = measurements(builds)
    assert (first.ratio, first.met) == (None, True)
    assert second.ratio == pytest.approx(10**0.05) and third.ratio == pytest.approx(10**0.05)
    assert third.peer == "1,000,000 posts, scaled by n^1.05; here n^1.10"
    assert (second.met, third.met) == (False, False)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_build_in_a_child_is_measured(tmp_path: Path) -> None:
    from benchmarks.growth import build_in_child

    build = build_in_child(100, tmp_path)
    assert build.rows == 100 and build.seconds > 0 and build.peak_bytes > 50 * 1024**2
