"""Landing a stream, on fakes."""

import json
from dataclasses import replace

import pytest

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform_tests.landing.kinesis.invariants import expected_shards, keys, landed_shards
from pinterest_platform_tests.landing.kinesis.streams import STREAM, is_complete, rows
from pinterest_platform_tests.landing.quarantined import quarantined_of_stream


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


def test_the_log_names_each_object_with_its_counts(log, store):
    progress: list[str] = []
    log.put(STREAM, 0, *rows(1))
    land_stream(log, store, STREAM, progress=progress.append)
    [line] = progress
    assert line.endswith(": 1 record, 0 quarantined")


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
