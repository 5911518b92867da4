"""Landing a stream, on fakes."""

import json
from dataclasses import replace

import pytest

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kinesis.lag import stream_lag
from pinterest_platform.landing.kinesis.ledger import audit
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.testing import FakeObjectStore, FakeShardLog
from pinterest_platform_tests.faults import FaultyStore
from pinterest_platform_tests.landing.kinesis.invariants import expected_shards, filled, keys, landed_shards
from pinterest_platform_tests.landing.quarantined import quarantined_of_stream

STREAM = "streaming-u-pin"
ONE = StreamOptions(shards_at_once=1)


@pytest.fixture
def log() -> FakeShardLog:
    fake = FakeShardLog()
    fake.create(STREAM)
    return fake


@pytest.fixture
def store() -> FakeObjectStore:
    return FakeObjectStore()


def rows(count: int, size: int = 0) -> list[bytes]:
    return [json.dumps({"index": number, "pad": "x" * size}).encode() for number in range(count)]


def is_complete(log: FakeShardLog | None, store: FakeObjectStore) -> bool:
    return all(ledger.is_complete for ledger in audit(log, store, STREAM))


def test_each_record_is_landed_once_in_objects_named_after_their_predecessors_end(log, store):
    log.put(STREAM, 0, *rows(10, 100))
    result = land_stream(log, store, STREAM, StreamOptions(object_bytes=1200))
    shard = log.shard(STREAM, 0)
    ends = [shard.start, *(shard.records[number].position for number in (2, 5, 8))]
    assert keys(store, STREAM) == [
        f"streams/{STREAM}/shard={shard.shard_id}/{STREAM}+{shard.shard_id}+{end:0129d}.json" for end in ends
    ]
    assert landed_shards(store, STREAM) == expected_shards(log, STREAM)
    (part,) = result.shards
    assert (part.objects, part.records, part.ordinal, part.sequence_number) == (4, 10, 3, shard.records[-1].position)
    assert part.bytes == result.bytes == sum(stored.size for stored in store.list("streams/"))
    assert (result.caught_up, result.idle, part.behind_ms) == (True, False, 0)
    assert is_complete(log, store)


def test_a_second_landing_lands_and_writes_nothing(log, store):
    log.put(STREAM, 0, *rows(4), b"junk")
    land_stream(log, store, STREAM)
    store.calls.clear()
    again = land_stream(log, store, STREAM)
    assert (again.objects, again.idle) == (0, True)
    assert {call for call, _ in store.calls} <= {"list", "metadata", "read"}


def test_a_call_with_the_state_of_the_last_one_does_not_list_the_store(log, store):
    log.put(STREAM, 0, *rows(4))
    first = land_stream(log, store, STREAM)
    log.put(STREAM, 0, *rows(3))
    store.calls.clear()
    second = land_stream(log, store, STREAM, StreamOptions(resume=first.resume))
    assert (second.records, [call for call, _ in store.calls]) == (3, ["put"])
    assert land_stream(log, store, STREAM, StreamOptions(resume=second.resume)).idle
    assert landed_shards(store, STREAM) == expected_shards(log, STREAM)


def test_an_outdated_state_of_an_earlier_call_is_harmless(log, store):
    log.put(STREAM, 0, *rows(4))
    stale = land_stream(log, store, STREAM).resume
    for _ in range(3):
        log.put(STREAM, 0, *rows(2))
        land_stream(log, store, STREAM)
    log.put(STREAM, 0, *rows(2))
    assert land_stream(log, store, STREAM, StreamOptions(resume=stale)).records == 2
    assert landed_shards(store, STREAM) == expected_shards(log, STREAM)


def test_records_have_their_envelope_and_metadata_has_the_range(log, store):
    log.put(STREAM, 0, b'{"index":1}', b'{"index":2}')
    land_stream(log, store, STREAM)
    (key,) = keys(store, STREAM)
    shard = log.shard(STREAM, 0)
    head = f'"_shard":"{shard.shard_id}","_sequence":"{shard.records[0].position:0129d}","_timestamp":{log.now_ms}'
    assert store.read(key).splitlines()[0].decode() == f'{{{head},"index":1}}'
    claim = dict(store.metadata(key) or {})
    assert claim.pop("lander") and claim.pop("digest") and claim.pop("checksum")
    assert claim.pop("bytes") == str(len(store.read(key)))
    assert claim == {
        "start": str(shard.records[0].position), "end": str(shard.records[1].position),
        "records": "2", "quarantined": "0",
        "gaps": "0", "accepted-gap": "0", "topic-id": log.epoch(STREAM), "earliest-ms": str(log.now_ms),
        "latest-ms": str(log.now_ms), "ordinal": "0", "app-id": f"{STREAM}/{shard.shard_id}", "kinds": "index:integer",
    }  # fmt: skip


def test_rejected_records_are_quarantined_with_their_bytes_and_the_others_are_landed(log, store):
    aggregated = b"\xf3\x89\x9a\xc2\x0a\x01a"
    log.put(STREAM, 0, b'{"a":1}', b"\xff", b"[1]", b'{"_shard":1}', b'{"_offset":1}', aggregated, b'{"a":2}')
    result = land_stream(log, store, STREAM)
    assert (result.records, result.quarantined) == (2, 5)
    entries = [(entry.value, entry.reason) for entry in quarantined_of_stream(store, STREAM)]
    assert entries == [
        (b"\xff", "not UTF-8"),
        (b"[1]", "not one JSON object"),
        (b'{"_shard":1}', "reserved name: _shard"),
        (b'{"_offset":1}', "reserved name: _offset"),
        (aggregated, "KPL aggregated record: switch aggregation off in its producer"),
    ]
    assert [entry.position for entry in quarantined_of_stream(store, STREAM)] == [
        record.position for record in log.shard(STREAM, 0).records[1:6]
    ]
    assert is_complete(log, store)


def test_an_empty_stream_gets_no_object(log, store):
    result = land_stream(log, store, STREAM)
    assert result.idle and keys(store, STREAM) == []
    assert (result.shards[0].sequence_number, result.shards[0].ordinal) == (None, -1)


def test_a_record_larger_than_the_size_limit_has_an_object_of_its_own(log, store):
    log.put(STREAM, 0, b'{"a":1}', json.dumps({"a": "x" * 5000}).encode(), b'{"a":2}')
    land_stream(log, store, STREAM, StreamOptions(object_bytes=1024))
    assert [stored.size > 5000 for stored in store.list("streams/")] == [False, True, False]


def test_time_never_decreases_along_a_shard_and_its_children(log, store):
    log.put(STREAM, 0, *rows(1))
    log.now_ms -= 5000
    log.put(STREAM, 0, *rows(1))
    land_stream(log, store, STREAM)
    log.put(STREAM, 0, *rows(1))
    land_stream(log, store, STREAM)
    child, _ = log.split(STREAM, 0)
    land_stream(log, store, STREAM)
    log.put(STREAM, child, *rows(1))
    land_stream(log, store, STREAM)
    times = [json.loads(line)["_timestamp"] for key in keys(store, STREAM) for line in store.read(key).splitlines()]
    assert times == [log.now_ms + 5000] * 4


def test_a_call_ends_at_its_time_limit_and_the_next_one_continues(log, store):
    log.put(STREAM, 0, *rows(10))
    options = StreamOptions(longest_seconds=0)
    first = land_stream(log, store, STREAM, options)
    assert (first.records, first.caught_up, first.behind_ms > 0) == (3, False, True)
    total = first.records
    while not (last := land_stream(log, store, STREAM, options)).idle:
        total += last.records
    assert total == 10 and landed_shards(store, STREAM) == expected_shards(log, STREAM)


def test_a_call_ends_although_the_stream_grows_as_fast_as_it_is_read(log, store):
    log.put(STREAM, 0, *rows(9))

    def grow() -> None:
        log.now_ms += 1
        log.put(STREAM, 0, *rows(3))

    log.on_batch = grow
    result = land_stream(log, store, STREAM)
    assert result.caught_up and 9 <= result.records < 30


# -- resharding


def test_parents_are_landed_to_their_end_before_their_children(log, store):
    log.put(STREAM, 0, *rows(7))
    one, two = log.split(STREAM, 0)
    log.put(STREAM, one, *rows(4))
    log.put(STREAM, two, *rows(4))
    three = log.merge(STREAM, one, two)
    log.put(STREAM, three, *rows(5))
    lines: list[str] = []
    result = land_stream(log, store, STREAM, ONE, lines.append)
    assert [line.split(":")[0][-1] for line in lines] == ["0", "1", "2", "3"]
    assert result.caught_up and [shard.ended for shard in result.shards] == [True, True, True, False]
    assert landed_shards(store, STREAM) == expected_shards(log, STREAM)
    assert is_complete(log, store)


def test_children_wait_while_their_parents_exceed_the_time_limit(log, store):
    log.put(STREAM, 0, *rows(7))
    child, _ = log.split(STREAM, 0)
    log.put(STREAM, child, *rows(4))
    options = StreamOptions(longest_seconds=0)
    first = land_stream(log, store, STREAM, options)
    assert [shard.shard for shard in first.shards] == ["shardId-000000000000"] and not first.caught_up
    while not land_stream(log, store, STREAM, options).idle:
        assert is_complete(log, store)
    assert filled(landed_shards(store, STREAM)) == expected_shards(log, STREAM)


def test_children_of_a_reshard_during_a_call_are_landed_by_the_next_one(log, store):
    log.put(STREAM, 0, *rows(9))
    batches = 0

    def reshard() -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            log.put(STREAM, 0, *rows(3))
            child, _ = log.split(STREAM, 0)
            log.put(STREAM, child, *rows(2))

    log.on_batch = reshard
    first = land_stream(log, store, STREAM)
    assert not first.caught_up
    second = land_stream(log, store, STREAM, StreamOptions(resume=first.resume))
    assert (first.records + second.records, second.caught_up) == (14, True)
    assert filled(landed_shards(store, STREAM)) == expected_shards(log, STREAM)
    assert is_complete(log, store)


def test_a_landed_closed_shard_is_not_read_again(log, store):
    log.put(STREAM, 0, *rows(3))
    log.split(STREAM, 0)
    first = land_stream(log, store, STREAM)
    log.reads = 0
    land_stream(log, store, STREAM, StreamOptions(resume=first.resume))
    assert log.reads == 2
    land_stream(log, store, STREAM)
    assert log.reads == 4


def test_a_shard_end_equal_to_the_last_record_ends_the_chain(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.split(STREAM, 0)
    log.shard(STREAM, 0).end = log.shard(STREAM, 0).records[-1].position
    result = land_stream(log, store, STREAM)
    assert result.shards[0].ended and result.caught_up
    assert land_stream(log, store, STREAM).idle and is_complete(log, store)


def test_a_closed_shard_is_read_until_the_service_reports_its_end(log, store):
    log.late_end = True
    log.put(STREAM, 0, *rows(3))
    log.split(STREAM, 0)
    result = land_stream(log, store, STREAM)
    assert result.caught_up and result.shards[0].ended


# -- epochs


def test_a_recreated_stream_is_an_error_and_nothing_of_it_is_landed(log, store):
    log.put(STREAM, 0, *rows(3))
    old = land_stream(log, store, STREAM)
    log.delete(STREAM)
    log.create(STREAM)
    log.put(STREAM, 0, *rows(4))
    for resume in (None, old.resume):
        with pytest.raises(PermanentFailure, match=f"{old.epoch} was landed.*now has {log.epoch(STREAM)}.*NEW_EPOCH"):
            land_stream(log, store, STREAM, StreamOptions(resume=resume))
    assert len(keys(store, STREAM)) == 1


def test_a_recreated_stream_is_landed_next_to_the_old_one_by_option(log, store):
    log.put(STREAM, 0, *rows(3))
    before = land_stream(log, store, STREAM)
    log.delete(STREAM)
    log.create(STREAM)
    log.put(STREAM, 0, *rows(4))
    options = StreamOptions(new_epoch="land")
    result = land_stream(log, store, STREAM, replace(options, resume=before.resume))
    epoch = log.epoch(STREAM)
    assert (result.records, result.is_recreated, result.shards[0].app_id) == (
        4, True, f"{STREAM}/epoch={epoch}/shardId-000000000000",
    )  # fmt: skip
    assert landed_shards(store, STREAM, epoch) == expected_shards(log, STREAM)
    log.put(STREAM, 0, *rows(1))
    assert land_stream(log, store, STREAM, replace(options, resume=result.resume)).records == 1
    assert land_stream(log, store, STREAM, options).idle
    assert len(pending_segments(store, STREAM, {})) == 3
    assert is_complete(log, store)


def test_a_stream_recreated_while_its_first_object_is_read_lands_nothing(log, store):
    log.put(STREAM, 0, *rows(3))

    def remake() -> None:
        log.on_batch = lambda: None
        log.delete(STREAM)
        log.create(STREAM)

    log.on_batch = remake
    with pytest.raises(TransientFailure, match="recreated while it was landed"):
        land_stream(log, store, STREAM)
    assert keys(store, STREAM) == []


# -- losses


def test_a_possible_loss_is_an_error_and_can_be_accepted(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.put(STREAM, 0, *rows(3))
    log.advance(25)
    log.put(STREAM, 0, b'{"index":9}')
    place = AcceptedLoss(STREAM, "shardId-000000000000", log.shard(STREAM, 0).records[2].position)
    arrived = r"possibly lost: records that arrived between 2023-11-14T22:13:20\.000Z and"
    with pytest.raises(PermanentFailure, match=arrived):
        land_stream(log, store, STREAM)
    with pytest.raises(PermanentFailure, match=f"accept_loss '{place}'"):
        land_stream(log, store, STREAM)
    assert AcceptedLoss.parse(str(place)) == place
    result = land_stream(log, store, STREAM, StreamOptions(accept_losses=(place,)))
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
    place = AcceptedLoss(STREAM, "shardId-000000000000", log.shard(STREAM, 0).records[2].position)
    assert land_stream(log, store, STREAM, StreamOptions(accept_losses=(place,))).idle
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
    places = [
        AcceptedLoss(STREAM, "shardId-000000000000", log.shard(STREAM, 0).records[2].position),
        *(AcceptedLoss(STREAM, f"shardId-{child:012d}", log.shard(STREAM, child).start) for child in (one, two)),
    ]
    assert all(f"accept_loss '{place}'" in str(raised.value) for place in places)
    result = land_stream(log, store, STREAM, StreamOptions(accept_losses=tuple(places)))
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


# -- others


def test_a_quarantine_orphan_is_not_counted_and_is_deleted_unless_its_landing_can_be_running(log, store):
    log.put(STREAM, 0, b"junk", b"junk")
    land_stream(log, store, STREAM)
    (key,) = [stored.key for stored in store.list("quarantine/")]
    start, first, last = log.shard(STREAM, 0).start, *(record.position for record in log.shard(STREAM, 0).records)
    orphan, pending = (
        key.replace(f"{start:0129d}+{last:0129d}", f"{position:0129d}+{end:0129d}")
        for position, end in ((start, first), (last, last + 7))
    )
    for other in (orphan, pending):
        store.put(other, store.read(key))
    assert len(quarantined_of_stream(store, STREAM)) == 2
    land_stream(log, store, STREAM)
    assert {stored.key for stored in store.list("quarantine/")} == {key, pending}


def test_ordinals_continue_after_the_cleaned_ones_although_objects_were_deleted(log, store):
    for _ in range(3):
        log.put(STREAM, 0, *rows(2))
        last = land_stream(log, store, STREAM)
    app_id = last.shards[0].app_id
    store.delete(keys(store, STREAM))
    log.put(STREAM, 0, *rows(1))
    again = land_stream(log, store, STREAM, StreamOptions(cleaned={app_id: 2}))
    assert (again.records, again.shards[0].ordinal) == (7, 3)
    assert [segment.end for segment in pending_segments(store, STREAM, {app_id: 2})] == [3]


def test_a_missing_stream_and_an_unreachable_service_are_errors(log, store):
    with pytest.raises(PermanentFailure, match="no stream other"):
        land_stream(log, store, "other")
    log.down = True
    with pytest.raises(TransientFailure):
        land_stream(log, store, STREAM)


def test_a_log_that_repeats_a_record_is_an_error(log, store):
    log.put(STREAM, 0, *rows(3))
    records = log.shard(STREAM, 0).records
    records[1:1] = [records[0]]
    with pytest.raises(PermanentFailure, match="returned sequence number"):
        land_stream(log, store, STREAM)
    assert keys(store, STREAM) == []


# -- lag


def test_the_lag_shows_whether_records_are_pending_and_their_age(log, store):
    assert not stream_lag(log, store, STREAM).pending
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    assert (stream_lag(log, store, STREAM).pending, stream_lag(log, store, STREAM).lag_ms) == (False, 0)
    log.put(STREAM, 0, *rows(1))
    log.advance(1)
    lag = stream_lag(log, store, STREAM)
    assert (lag.pending, lag.lag_ms, lag.watermark_age_ms) == (True, 3_600_000, 3_600_000)
    land_stream(log, store, STREAM)
    assert stream_lag(log, store, STREAM).watermark_age_ms == 0


def test_a_closed_shard_is_pending_until_its_end_is_landed(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.split(STREAM, 0)
    lag = stream_lag(log, store, STREAM)
    assert (lag.pending, [shard.pending for shard in lag.shards]) == (True, [True, False, False])
    land_stream(log, store, STREAM)
    assert [shard.pending for shard in stream_lag(log, store, STREAM).shards] == [False, False]


def test_reading_the_lag_writes_nothing(log, store):
    log.put(STREAM, 0, *rows(3))
    stream_lag(log, store, STREAM)
    assert not store.objects
