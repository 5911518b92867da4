"""Accepted losses that were not needed are reported, each with the reason; nothing else changes."""

from dataclasses import replace

import pytest

from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.testing import FakeObjectStore, FakeShardLog, FakeTopicLog

TOPIC, STREAM = "u.pin", "streaming-u-pin"
SHARD = "shardId-000000000000"


@pytest.mark.parametrize(
    ("gap", "why"),
    [
        ((0, 0, 1), "its existing offsets are landed"),  # landed by an earlier call
        ((0, 2, 3), "its existing offsets are landed"),  # landed by this call
        ((0, 3, 900), "its existing offsets are landed"),
        ((0, 5, 6), "the next offset to land is 5"),
        ((0, 50, 60), "the next offset to land is 5"),
        ((7, 0, 1), "there is no such partition"),
    ],
)
def test_an_unneeded_gap_is_reported_and_skips_nothing(gap: tuple[int, int, int], why: str) -> None:
    log, store, lines = FakeTopicLog(), FakeObjectStore(), list[str]()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[b'{"index":1}'] * 2)
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *[b'{"index":1}'] * 3)
    accepted = AcceptedGap(TOPIC, *gap)
    landed = land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(accepted,)), lines.append)
    assert landed.records == 3
    assert f"accept_gap '{accepted}' was not needed: {why}." in lines


def test_only_the_unneeded_one_of_two_gaps_is_reported() -> None:
    log, store, lines = FakeTopicLog(), FakeObjectStore(), list[str]()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"index":1}')
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *[b'{"index":1}'] * 3)
    log.trim(TOPIC, 0, 3)
    needed, unneeded = AcceptedGap(TOPIC, 0, 1, 2), AcceptedGap(TOPIC, 0, 0, 0)
    land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(needed, unneeded)), lines.append)
    assert [line for line in lines if "not needed" in line] == [
        f"accept_gap '{unneeded}' was not needed: its existing offsets are landed."
    ]


def test_a_gap_is_parsed_as_it_is_written() -> None:
    gap = AcceptedGap(TOPIC, 3, 10, 20)
    assert AcceptedGap.parse(str(gap)) == gap


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
def test_an_unneeded_loss_is_reported_once_and_skips_nothing(shard: str, after: str, why: str) -> None:
    log, store = stream_of_three()
    lines, posted = list[str](), log.shard(STREAM, 0)
    end = posted.records[-1].position
    log.put(STREAM, 0, b'{"index":2}')
    accepted = AcceptedLoss(STREAM, shard, {"start": posted.start, "beyond": end + 1, "end": end}[after])
    options = StreamOptions(accept_losses=(accepted,))
    landed = land_stream(log, store, STREAM, options, lines.append)
    assert (landed.records, landed.accepted_losses) == (1, 0)
    assert lines[-1] == f"accept_loss '{accepted}' was not needed: {why.format(end=end)}."
    lines.clear()
    land_stream(log, store, STREAM, replace(options, resume=landed.resume), lines.append)
    assert lines == []


def test_a_needed_loss_is_not_reported() -> None:
    log, store = stream_of_three()
    end, lines = log.shard(STREAM, 0).records[-1].position, list[str]()
    log.put(STREAM, 0, b'{"index":2}')
    log.advance(25)
    log.put(STREAM, 0, b'{"index":3}')
    options = StreamOptions(accept_losses=(AcceptedLoss(STREAM, SHARD, end),))
    assert land_stream(log, store, STREAM, options, lines.append).accepted_losses == 1
    assert not [line for line in lines if "not needed" in line]
