"""The output of the command line."""

import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


REPORTS_SCRIPT = """
import sys, time
from pinterest_platform import cli
from pinterest_platform.settings import Settings

class Lake:
    def rows(self, uri, limit=None):
        if waits:
            print("waiting", flush=True)
            time.sleep(60)
        return [{"country": "x" * 30, "n": number} for number in range(5000)]

waits = sys.argv.pop() == "wait"
cli.environment.load = lambda: Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1", "PINTEREST_USER_ID": "u"})
cli._lake = lambda settings: Lake()
sys.argv += ["reports", "--rows", "5000"]
cli.run()
"""


@contextmanager
def reports_command(mode: str) -> Iterator[subprocess.Popen[str]]:
    """The command `reports` on tables in memory; with the mode `wait`, reading the first one takes a minute."""
    command = [sys.executable, "-c", REPORTS_SCRIPT, mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_reader_that_closes_its_end_is_no_error() -> None:
    with reports_command("print") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, "")


def test_an_interrupt_ends_with_130_and_no_traceback() -> None:
    with reports_command("wait") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr.read()) == (130, "")
