"""Sequence numbers increase along a shard and from parents to children, and identify their shard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.services.kinesis import sequence

EPOCHS = st.integers(1_700_000_000, 2**36 - 1)
SHARDS = st.integers(0, 2**31 - 1)
INDEXES = st.integers(0, sequence.SHARD_END)
TIMES = st.integers(0, (2**36 - 1) * 1000)


@given(EPOCHS, SHARDS, INDEXES, TIMES)
def test_a_number_can_be_parsed(epoch: int, shard: int, record_index: int, at_ms: int) -> None:
    text = sequence.number(sequence.prefix(epoch, shard), record_index, at_ms)
    assert sequence.parse(text) == (epoch, shard, record_index, at_ms // 1000)
    assert 56 <= len(text) <= 57


@given(EPOCHS, SHARDS, INDEXES, INDEXES, TIMES, TIMES)
def test_numbers_increase_with_the_index(
    epoch: int, shard: int, index: int, later_index: int, then: int, later: int
) -> None:
    prefix = sequence.prefix(epoch, shard)
    first, second = (
        int(sequence.number(prefix, record_index, at)) for record_index, at in ((index, then), (later_index, later))
    )
    assert index == later_index or (first < second) == (index < later_index)


@given(EPOCHS, SHARDS, SHARDS, TIMES)
def test_children_begin_above_the_end_of_their_parents(epoch: int, parent: int, child: int, at_ms: int) -> None:
    end = sequence.number(sequence.prefix(epoch - 1, parent), sequence.SHARD_END, at_ms)
    assert int(sequence.number(sequence.prefix(epoch, child), sequence.SHARD_START, 0)) > int(end)


@pytest.mark.parametrize(
    "text", ["", "-1", "0", "12", "01", "x", "9" * 56, "9" * 130, str(2 << 184), str(1 << 190 | 2)]
)
def test_other_numbers_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        sequence.parse(text)


@given(st.from_regex(r"[1-9][0-9]{50,60}", fullmatch=True))
def test_no_number_breaks_the_parser(text: str) -> None:
    try:
        parsed = sequence.parse(text)
    except ValueError:
        return
    assert int(
        sequence.number(sequence.prefix(parsed.epoch, parsed.shard), parsed.record_index, parsed.seconds * 1000)
    ) == int(text)
