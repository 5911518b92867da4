"""The output of the command line."""

import io
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rich.console import Console

from pinterest_platform.catalog import USER, Names, Route
from pinterest_platform.cli import print_quarantine, print_records, print_rows, utc_text
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.ports import Record
from pinterest_platform_tests.defs.surroundings import FakeLake
from pinterest_platform_tests.fakes import FakeObjectStore, FakeShardLog, FakeTopicLog


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


def quarantine_text(objects: FakeObjectStore, route: Route, lake: FakeLake | None = None) -> str:
    console, out = console_of()
    places = Names("u", "b").places(USER, route)
    print_quarantine(console, objects, lake or FakeLake(), places, route, 20)
    return out.getvalue()


def test_the_quarantine_of_a_topic_shows_the_key_of_a_tombstone_and_any_time() -> None:
    log, objects = FakeTopicLog(), FakeObjectStore()
    log.create("u.user")
    entries = log.topics["u.user"].partitions[0].entries
    entries += [Record(0, 1_700_000_000_000_000_000, None, b"the key"), Record(1, 1_700_000_000_000, b"junk")]
    land_topic(log, objects, "u.user")
    shown = quarantine_text(objects, Route.KAFKA)
    assert re.search(r"offset: 0\n +arrived_at: 1700000000000000000 ms since 1970\n", shown)
    assert re.search(r"reason: no value \(a tombstone\)\n +value: *\n +key: the key\n", shown)
    assert re.search(
        r"offset: 1\n +arrived_at: 2023-11-14T22:13:20.000\+00:00\n +reason: not JSON.*\n +value: junk\n", shown
    )
    assert "u.user: rejected by cleaning" in shown


def test_the_quarantine_of_a_stream_is_shown() -> None:
    log, objects = FakeShardLog(), FakeObjectStore()
    log.create("streaming-u-user")
    log.put("streaming-u-user", 0, b"junk")
    land_stream(log, objects, "streaming-u-user")
    shown = quarantine_text(objects, Route.KINESIS)
    assert "streaming-u-user: rejected by landing" in shown
    assert re.search(r"shard: shardId-[0-9]+\n +sequence_number: [0-9]+\n +arrived_at: .*\n +reason: not JSON", shown)
    assert "streaming-u-user: rejected by cleaning" in shown


@pytest.mark.parametrize("timestamp_ms", [-1, 0, 2**63 - 1, -(2**63), 253_402_300_800_000])
def test_no_time_is_impossible_to_print(timestamp_ms: int) -> None:
    assert utc_text(timestamp_ms)
