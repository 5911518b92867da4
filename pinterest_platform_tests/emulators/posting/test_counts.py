"""Counts of posted records."""

from emulators.posting.counts import Counts


def test_the_summary_of_one_post_is_singular() -> None:
    counts = Counts(posts=1, incomplete=1, sent=2)
    counts.add_accepted(2)
    [line] = counts.summary()
    assert "(1 post in " in line and line.endswith("; 1 post without a row in one of the tables")
