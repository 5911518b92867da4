"""Losses accepted where there is none: said, each with the reason, and nothing else changes."""

import pytest

from pinterest_platform.landing.kafka.options import AcceptedGap, LandingOptions, parse_gap
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform_tests.fakes import FakeObjectStore, FakeShardLog, FakeTopicLog

TOPIC, STREAM = "u.pin", "streaming-u-pin"
SHARD = "shardId-000000000000"


@pytest.mark.parametrize(
    ("gap", "why"),
    [
        ((0, 0, 1), "what exists of it is landed"),  # landed by an earlier call
        ((0, 2, 3), "what exists of it is landed"),  # there, and landed by this call
        ((0, 3, 900), "what exists of it is landed"),
        ((0, 5, 6), "it lies beyond offset 5, the next to come"),
        ((0, 50, 60), "it lies beyond offset 5, the next to come"),
        ((7, 0, 1), "there is no such partition"),
    ],
)
def test_a_gap_that_is_none_is_told_and_skips_nothing(gap: tuple[int, int, int], why: str) -> None:
    log, store, said = FakeTopicLog(), FakeObjectStore(), list[str]()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[b'{"index":1}'] * 2)
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *[b'{"index":1}'] * 3)
    accepted = AcceptedGap(TOPIC, *gap)
    landed = land_topic(log, store, TOPIC, LandingOptions(accept_gaps=(accepted,)), said.append)
    assert landed.records == 3
    assert f"accept_gap '{accepted}' was not needed: {why}." in said


def test_of_two_gaps_the_one_that_was_needed_is_not_told() -> None:
    log, store, said = FakeTopicLog(), FakeObjectStore(), list[str]()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"index":1}')
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *[b'{"index":1}'] * 3)
    log.trim(TOPIC, 0, 3)
    needed, vain = AcceptedGap(TOPIC, 0, 1, 2), AcceptedGap(TOPIC, 0, 0, 0)
    land_topic(log, store, TOPIC, LandingOptions(accept_gaps=(needed, vain)), said.append)
    assert [line for line in said if "not needed" in line] == [
        f"accept_gap '{vain}' was not needed: what exists of it is landed."
    ]


def test_a_gap_reads_back_as_it_is_written() -> None:
    gap = AcceptedGap(TOPIC, 3, 10, 20)
    assert parse_gap(str(gap)) == gap


def stream_of_three() -> tuple[FakeShardLog, FakeObjectStore]:
    log, store = FakeShardLog(), FakeObjectStore()
    log.create(STREAM)
    log.put(STREAM, 0, *[b'{"index":1}'] * 3)
    land_stream(log, store, STREAM)
    return log, store


@pytest.mark.parametrize(
    ("shard", "after", "why"),
    [
        (SHARD, "start", "the shard was landed up to {end}"),
        (SHARD, "beyond", "the shard was landed up to {end}"),
        (SHARD, "end", "nothing is missing there"),
        ("shardId-000000000009", "end", "there is no such shard"),
    ],
)
def test_a_loss_that_is_none_is_told_once_and_skips_nothing(shard: str, after: str, why: str) -> None:
    log, store = stream_of_three()
    said, found = list[str](), log.shard(STREAM, 0)
    end = found.records[-1].offset
    log.put(STREAM, 0, b'{"index":2}')
    accepted = AcceptedLoss(STREAM, shard, {"start": found.start, "beyond": end + 1, "end": end}[after])
    options = StreamOptions(accept_losses=(accepted,))
    landed = land_stream(log, store, STREAM, options, said.append)
    assert (landed.records, landed.accepted_losses) == (1, 0)
    assert said[-1] == f"accept_loss '{accepted}' was not needed: {why.format(end=end)}."
    said.clear()
    land_stream(log, store, STREAM, options, said.append, resume=landed.resume)
    assert said == []


def test_a_loss_that_was_one_is_not_told() -> None:
    log, store = stream_of_three()
    end, said = log.shard(STREAM, 0).records[-1].offset, list[str]()
    log.put(STREAM, 0, b'{"index":2}')
    log.advance(25)
    log.put(STREAM, 0, b'{"index":3}')
    options = StreamOptions(accept_losses=(AcceptedLoss(STREAM, SHARD, end),))
    assert land_stream(log, store, STREAM, options, said.append).accepted_losses == 1
    assert not [line for line in said if "not needed" in line]
