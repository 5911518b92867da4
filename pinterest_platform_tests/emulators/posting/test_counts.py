"""Counts of posted records."""

import re
import time

from emulators.posting.counts import Counts


def test_the_summary_of_one_post_is_singular() -> None:
    counts = Counts(posts=1, incomplete=1, sent=2)
    counts.add_accepted(2)
    [line] = counts.summary()
    assert "(1 post in " in line and line.endswith("; 1 post without a row in one of the tables")


def test_the_numbers_of_a_summary_have_separators() -> None:
    counts = Counts(posts=11_154, sent=33_462, started=time.monotonic() - 2)
    counts.add_accepted(32_000)
    counts.add_failed("no route", 1_462)
    summary, reason = counts.summary()
    assert summary.startswith("sent 33,462, accepted 32,000, failed 1,462, 1")
    assert re.search(r", 1\d,\d{3} records per second \(11,154 posts in 2\.\d s\)$", summary)
    assert reason == "not accepted: 1,462 x no route"


def test_a_low_rate_is_not_rounded_to_none() -> None:
    counts = Counts(posts=1, sent=3, started=time.monotonic() - 10)
    counts.add_accepted(3)
    assert ", 0.3 records per second" in counts.summary()[0]
