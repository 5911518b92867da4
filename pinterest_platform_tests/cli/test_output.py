"""The notation of values in a terminal, and as JSON and CSV."""

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pinterest_platform.cli.output import Terminal, cell, print_csv, print_json, print_records, print_table, utc_text


def console_of(width: int = 60) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, soft_wrap=True), out


def test_posted_text_cannot_control_the_terminal() -> None:
    console, out = console_of()
    print_records(console, "quarantine", [{"value": "\x1b[31mred\x07 [bold]x[/bold] \u202e"}], "1 of 1")
    assert "\x1b[31m" not in out.getvalue()
    assert "[U+001B][31mred[U+0007] [bold]x[/bold] [U+202E]" in out.getvalue()


def test_posted_text_as_json_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"value": "\x1b[31m\x9b\u202e"})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    assert json.loads(printed) == {"value": "\x1b[31m\x9b\u202e"}


@pytest.mark.parametrize(("is_terminal", "shown"), [(True, "[U+001B]x"), (False, "\x1bx")])
def test_csv_is_exact_for_programs_and_harmless_in_a_terminal(
    is_terminal: bool, shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    print_csv(["a"], [{"a": "\x1bx"}])
    assert capsys.readouterr().out == f"a\n{shown}\n"


def test_csv_quotes_texts_and_writes_lists_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    time = datetime(2024, 1, 2, tzinfo=UTC)
    print_csv(["a", "b", "c", "d"], [{"a": 'the "x",\n', "b": [1.5, None], "c": None, "d": time}])
    assert capsys.readouterr().out == 'a,b,c,d\n"the ""x"",\n","[1.5, null]",,2024-01-02T00:00:00+00:00\n'


def test_a_text_as_csv_is_no_formula_in_a_spreadsheet(capsys: pytest.CaptureFixture[str]) -> None:
    print_csv(["a", "b", "c"], [{"a": "=HYPERLINK(1)", "b": "+50", "c": -1}, {"a": "-x", "b": ["=1"]}], {"+50"})
    assert capsys.readouterr().out == 'a,b,c\n\'=HYPERLINK(1),+50,-1\n\'-x,"[""=1""]",\n'


def test_numbers_that_json_does_not_have_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    nan, infinity = float("nan"), float("inf")
    print_json({"a": nan, "b": [infinity, -infinity, 1.5, "NaN", 10**30]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, None, 1.5, "NaN", 10**30],
    }
    print_csv(["a"], [{"a": [nan]}])
    assert capsys.readouterr().out == "a\n[null]\n"


def test_a_posted_text_is_no_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    print_records(Terminal(soft_wrap=True), "rows", [{"title": ":warning:"}], "1 of 1")
    print_table(Terminal(), "report", {}, [{"title": ":warning:"}], 1)
    assert capsys.readouterr().out.count(":warning:") == 2


def test_a_record_is_printed_in_full_in_a_narrow_terminal() -> None:
    console, out = console_of(width=30)
    source = {"stream": "u.pin", "partition": 2, "offset": 1234567}
    print_records(console, "rows", [{"ind": 7, "title": "t" * 500, "_source": source}], "1 of 9")
    assert "t" * 500 in out.getvalue()
    assert "u.pin[2]@1234567" in out.getvalue()
    assert "1 of 9" in out.getvalue()


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({"partition": 2, "offset": 7}, "u.pin[2]@7 at 2024-01-02T03:04:05+00:00"),
        ({"shard": "shardId-0", "sequence_number": "007"}, "u.pin[shardId-0]@7 at 2024-01-02T03:04:05+00:00"),
    ],
)
def test_the_source_of_a_row_has_its_arrival_time(place: dict[str, object], shown: str) -> None:
    arrived_at = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert cell({"stream": "u.pin", **place, "arrived_at": arrived_at}) == shown


@pytest.mark.parametrize(("count", "text"), [(0, "  0 rows\n"), (1, "  1 row\n"), (2, "  2 rows\n")])
def test_the_rows_of_a_table_are_counted(count: int, text: str) -> None:
    console, out = console_of()
    print_table(console, "report", {"n": "count"}, [{"n": 1}] * count, 10)
    assert text in out.getvalue()


def test_a_long_table_is_cut_and_its_rows_are_counted() -> None:
    console, out = console_of(width=100)
    rows = [{"country": str(number), "n": number} for number in range(2500)]
    print_table(console, "report", {"n": "count"}, rows, 10)
    assert "10 of 2,500 rows" in out.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_cells_are_cut_only_on_a_terminal(
    is_terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    monkeypatch.setenv("COLUMNS", "60")
    values = {f"follower_count_{number}": "x" * 50 for number in range(9)}
    print_table(Terminal(), "report", {}, [values], 1)
    lines = capsys.readouterr().out.splitlines()
    assert any(all(name in line for name in values) for line in lines) != is_terminal
    assert any(line.count("x" * 50) == 9 for line in lines) != is_terminal
    assert is_terminal or max(map(len, lines)) < 600


@pytest.mark.parametrize(
    ("value", "notation", "shown"),
    [
        (1234567, "count", "1,234,567"),
        (1234567.0, "median", "1,234,567"),
        (0.5, "median", "0.5"),
        (2018, "year", "2018"),
        (1234567, "text", "1234567"),
        (1234567.0, "text", "1234567"),
        (None, "count", ""),
        ({"stream": "s", "shard": "shardId-1", "sequence_number": "0042"}, "text", "s[shardId-1]@42"),
        (datetime(2024, 1, 2, tzinfo=UTC), "text", "2024-01-02T00:00:00+00:00"),
    ],
)
def test_counts_have_separators_and_identifiers_have_none(value: object, notation: str, shown: str) -> None:
    assert cell(value, notation) == shown  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("timestamp_ms", [-1, 0, 2**63 - 1, -(2**63), 253_402_300_800_000])
def test_no_time_is_impossible_to_print(timestamp_ms: int) -> None:
    assert utc_text(timestamp_ms)
