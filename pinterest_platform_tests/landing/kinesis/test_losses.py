"""Possible losses of a stream by retention, on fakes: found, accepted, or ruled out."""

from dataclasses import replace

import pytest

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kinesis.ledger import audit
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.testing import FakeShardLog
from pinterest_platform_tests.faults import FaultyStore
from pinterest_platform_tests.landing.kinesis.invariants import expected_shards, keys, landed_shards
from pinterest_platform_tests.landing.kinesis.streams import ONE, STREAM, is_complete, rows


def test_a_possible_loss_is_an_error_and_can_be_accepted(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.put(STREAM, 0, *rows(3))
    log.advance(25)
    log.put(STREAM, 0, b'{"index":9}')
    loss = AcceptedLoss(STREAM, "shardId-000000000000", log.shard(STREAM, 0).records[2].position)
    arrived = r"possibly lost: records that arrived between 2023-11-14T22:13:20\.000Z and"
    with pytest.raises(PermanentFailure, match=arrived):
        land_stream(log, store, STREAM)
    with pytest.raises(PermanentFailure, match=f"accept_loss '{loss}'"):
        land_stream(log, store, STREAM)
    assert AcceptedLoss.parse(str(loss)) == loss
    result = land_stream(log, store, STREAM, StreamOptions(accept_losses=(loss,)))
    assert (result.records, result.accepted_losses) == (1, 1)
    (ledger,) = audit(log, store, STREAM)
    assert (ledger.records, ledger.accepted_losses, ledger.recounted, ledger.problems) == (4, 1, 1, ())
    assert land_stream(log, store, STREAM).idle


def test_shards_that_another_landing_landed_after_they_were_listed_are_not_lost(log, store, monkeypatch):
    log.put(STREAM, 0, *rows(3))
    before = log.describe(STREAM)
    first, second = log.split(STREAM, 0)
    log.put(STREAM, first, *rows(1))
    log.put(STREAM, second, *rows(1))
    land_stream(log, store, STREAM)
    describe, responses = log.describe, [before]
    monkeypatch.setattr(log, "describe", lambda stream: responses.pop() if responses else describe(stream))
    land_stream(log, store, STREAM)
    assert responses == [] and land_stream(log, store, STREAM).idle


def test_a_possible_loss_is_an_error_even_without_records_to_read(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.put(STREAM, 0, *rows(3))
    log.advance(25)
    with pytest.raises(PermanentFailure, match="possibly lost"):
        land_stream(log, store, STREAM)
    loss = AcceptedLoss(STREAM, "shardId-000000000000", log.shard(STREAM, 0).records[2].position)
    assert land_stream(log, store, STREAM, StreamOptions(accept_losses=(loss,))).idle
    assert land_stream(log, store, STREAM).idle


def test_a_possible_loss_is_detected_by_later_records_if_the_time_of_the_service_is_wrong(log, store, monkeypatch):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    wrong_ms = log.now_ms
    describe = log.describe
    monkeypatch.setattr(log, "describe", lambda stream: replace(describe(stream), now_ms=wrong_ms))
    log.advance(25)
    assert land_stream(log, store, STREAM).idle
    log.put(STREAM, 0, *rows(1))
    with pytest.raises(PermanentFailure, match="possibly lost"):
        land_stream(log, store, STREAM)


def test_a_backlog_nearly_as_old_as_the_retention_is_no_loss_while_it_is_read(log, store):
    land_stream(log, store, STREAM)
    for _ in range(23):
        log.put(STREAM, 0, *rows(3))
        log.advance(1)
    log.on_batch = lambda: log.advance(0.1)
    assert land_stream(log, store, STREAM).records == 69


def test_the_other_shards_are_landed_before_a_loss_is_reported(store):
    log = FakeShardLog()
    log.create(STREAM, 2)
    log.put(STREAM, 0, *rows(3))
    log.put(STREAM, 1, *rows(3))
    land_stream(log, store, STREAM)
    log.advance(13)
    log.put(STREAM, 1, *rows(1))
    land_stream(log, store, STREAM, ONE)
    log.advance(13)
    log.put(STREAM, 1, *rows(2))
    store.delete([key for key in store.objects if key.startswith("sightings/")])
    with pytest.raises(PermanentFailure, match=f"{STREAM}/shardId-000000000000"):
        land_stream(log, store, STREAM)
    assert len(landed_shards(store, STREAM)["shardId-000000000001"]) == 6


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("records", [0, 3])
def test_an_idle_shard_that_is_read_periodically_has_lost_nothing(log, store, resumed, records):
    log.put(STREAM, 0, *rows(records))
    last = land_stream(log, store, STREAM)
    for _ in range(5):
        log.advance(20)
        last = land_stream(log, store, STREAM, StreamOptions(resume=last.resume if resumed else None))
        assert last.idle
    log.put(STREAM, 0, *rows(1))
    assert land_stream(log, store, STREAM).records == 1
    log.advance(25)
    with pytest.raises(PermanentFailure, match="possibly lost"):
        land_stream(log, store, STREAM)


def test_watermarks_are_written_periodically_and_not_by_each_call(log, store):
    log.put(STREAM, 0, *rows(1))
    last = land_stream(log, store, STREAM)
    store.calls.clear()
    for _ in range(50):
        log.advance(0.1)
        last = land_stream(log, store, STREAM, StreamOptions(resume=last.resume))
    assert 3 <= len([call for call in store.calls if call[0] == "put"]) <= 6


def test_a_first_landing_starts_at_the_oldest_record_and_reports_no_loss(log, store):
    log.put(STREAM, 0, *rows(3))
    log.advance(25)
    log.put(STREAM, 0, *rows(2))
    assert land_stream(log, store, STREAM).records == 2
    assert is_complete(log, store)


def test_a_first_landing_that_was_killed_and_is_rerun_reports_no_loss(store):
    log = FakeShardLog()
    log.create(STREAM, 3)
    log.advance(100)
    for number in range(3):
        log.put(STREAM, number, *rows(2))
    commits = 0

    def die(name: str, key: str) -> None:
        nonlocal commits
        commits += name == "put_if_absent"
        if commits == 2:
            raise TransientFailure("The process died.", "Start it again.")

    with pytest.raises(TransientFailure):
        land_stream(log, FaultyStore(store, before=die), STREAM, ONE)
    assert 0 < len(keys(store, STREAM)) < 3
    log.advance(20)
    land_stream(log, store, STREAM)
    assert landed_shards(store, STREAM) == expected_shards(log, STREAM)


def test_two_first_landings_at_once_report_no_loss(store):
    log = FakeShardLog()
    log.create(STREAM, 2)
    log.put(STREAM, 0, *rows(1))
    calls = 0

    def overtake(name: str, key: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            land_stream(log, store, STREAM)

    assert land_stream(log, FaultyStore(store, before=overtake), STREAM).idle
    assert landed_shards(store, STREAM) == expected_shards(log, STREAM)


@pytest.mark.parametrize(("hours", "lost"), [(23, False), (25, True)])
def test_a_child_that_was_never_landed_uses_the_last_tip_of_its_parents(log, store, hours, lost):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    child, _ = log.split(STREAM, 0)
    log.put(STREAM, child, *rows(3))
    reads = 0

    def die() -> None:
        nonlocal reads
        reads += 1
        if reads == 2:
            raise TransientFailure("The process died.", "Start it again.")

    log.on_batch = die
    with pytest.raises(TransientFailure):
        land_stream(log, store, STREAM, ONE)
    log.advance(hours)
    if lost:
        with pytest.raises(
            PermanentFailure, match=f"shardId-{child:012d}: .* possibly lost: records that arrived between"
        ):
            land_stream(log, store, STREAM)
    else:
        assert land_stream(log, store, STREAM).records == 3


def test_a_shard_that_expired_before_its_end_was_landed_is_reported_with_its_children(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.put(STREAM, 0, *rows(3))
    one, two = log.split(STREAM, 0)
    log.advance(25)
    log.put(STREAM, one, *rows(2))
    with pytest.raises(PermanentFailure) as raised:
        land_stream(log, store, STREAM)
    losses = [
        AcceptedLoss(STREAM, "shardId-000000000000", log.shard(STREAM, 0).records[2].position),
        *(AcceptedLoss(STREAM, f"shardId-{child:012d}", log.shard(STREAM, child).start) for child in (one, two)),
    ]
    assert all(f"accept_loss '{loss}'" in str(raised.value) for loss in losses)
    result = land_stream(log, store, STREAM, StreamOptions(accept_losses=tuple(losses)))
    assert (result.records, result.accepted_losses) == (2, 2)
    assert land_stream(log, store, STREAM).idle and is_complete(log, store)


def test_a_shard_created_and_expired_between_two_landings_is_reported(log, store):
    log.put(STREAM, 0, *rows(3))
    one, two = log.split(STREAM, 0)
    land_stream(log, store, STREAM, StreamOptions(longest_seconds=60))
    log.put(STREAM, one, *rows(3))
    three = log.merge(STREAM, one, two)
    log.put(STREAM, three, *rows(2))
    four, _ = log.split(STREAM, three)
    log.advance(30)
    log.put(STREAM, four, *rows(1))
    with pytest.raises(PermanentFailure, match="nothing is known of the shards that it came from"):
        land_stream(log, store, STREAM)


@pytest.mark.parametrize("text", ["", "a/b", "a:1", "a/b:x", "a/b/c:1", "a/b:-1"])
def test_an_accepted_loss_that_is_no_position_is_refused(text):
    with pytest.raises(PermanentFailure, match="accept_loss holds"):
        AcceptedLoss.parse(text)
