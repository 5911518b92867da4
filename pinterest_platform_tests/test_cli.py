"""The output of the command line."""

import io

from rich.console import Console

from pinterest_platform.cli import print_records, print_rows


def console_of(width: int = 60) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, soft_wrap=True), out


def test_posted_text_cannot_control_the_terminal() -> None:
    console, out = console_of()
    print_records(console, "quarantine", [{"value": "\x1b[31mred\x07 [bold]x[/bold] \u202e"}], 1)
    assert "\x1b[31m" not in out.getvalue()
    assert "[U+001B][31mred[U+0007] [bold]x[/bold] [U+202E]" in out.getvalue()


def test_a_record_is_printed_in_full_in_a_narrow_terminal() -> None:
    console, out = console_of(width=30)
    source = {"stream": "u.pin", "partition": 2, "offset": 1234567}
    print_records(console, "rows", [{"ind": 7, "title": "t" * 500, "_source": source}], 9)
    assert "t" * 500 in out.getvalue()
    assert "u.pin[2]@1234567" in out.getvalue()
    assert "1 of 9" in out.getvalue()


def test_a_long_table_is_cut_and_its_rows_are_counted() -> None:
    console, out = console_of(width=100)
    print_rows(console, "report", [{"country": str(number), "n": number} for number in range(25)], 10)
    assert "10 of 25 rows" in out.getvalue()
