"""Losses accepted where there is none: said, each with the reason, and nothing else changes."""

from dataclasses import replace

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.options import AcceptedGap, LandingOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.settings import Settings
from pinterest_platform_tests.fakes import FakeObjectStore, FakeShardLog, FakeTopicLog

TOPIC, STREAM = "u.pin", "streaming-u-pin"
SHARD = "shardId-000000000000"


@pytest.mark.parametrize(
    ("gap", "why"),
    [
        ((0, 0, 1), "its existing offsets are landed"),  # landed by an earlier call
        ((0, 2, 3), "its existing offsets are landed"),  # there, and landed by this call
        ((0, 3, 900), "its existing offsets are landed"),
        ((0, 5, 6), "the next offset to land is 5"),
        ((0, 50, 60), "the next offset to land is 5"),
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
        f"accept_gap '{vain}' was not needed: its existing offsets are landed."
    ]


def test_a_gap_reads_back_as_it_is_written() -> None:
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
    land_stream(log, store, STREAM, replace(options, resume=landed.resume), said.append)
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


def test_a_loss_of_a_stream_that_is_not_landed_is_refused() -> None:
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1", "PINTEREST_USER_ID": "u"})
    assert stream_options(settings, [f"{STREAM}/{SHARD}:7"]).accept_losses == (AcceptedLoss(STREAM, SHARD, 7),)
    with pytest.raises(PermanentFailure, match="names stream streaming-v-pin, and the platform lands streaming-u-pin"):
        stream_options(settings, [f"streaming-v-pin/{SHARD}:7"])
