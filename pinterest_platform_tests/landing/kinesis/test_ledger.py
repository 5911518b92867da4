"""The ledger of a stream names every problem (rule K12); no pending object is missed."""

from dataclasses import replace

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.ledger import ShardLedger, audit, reconcile
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_after_landing, pending_segments, with_manifest
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.testing import FakeObjectStore, FakeShardLog
from pinterest_platform_tests.landing.kinesis.invariants import keys

STREAM = "streaming-u-pin"
APP = f"{STREAM}/shardId-000000000000"
TWO_AN_OBJECT = StreamOptions(object_bytes=600)


@pytest.fixture
def log() -> FakeShardLog:
    fake = FakeShardLog()
    fake.create(STREAM)
    fake.put(STREAM, 0, *[b'{"a":1}'] * 4, b"junk", b'{"a":2}')
    return fake


@pytest.fixture
def store(log) -> FakeObjectStore:
    fake = FakeObjectStore()
    land_stream(log, fake, STREAM, TWO_AN_OBJECT)
    assert len(keys(fake, STREAM)) == 3
    return fake


def ledger(log, store) -> ShardLedger:
    (account,) = audit(log, store, STREAM)
    return account


def test_a_second_reading_counts_the_records_of_the_objects(log, store):
    account = ledger(log, store)
    records = log.shard(STREAM, 0).records
    assert (account.objects, account.records, account.quarantined, account.recounted, account.is_complete) == (
        3,
        5,
        1,
        6,
        True,
    )
    assert (account.first, account.last, account.ended) == (records[0].position, records[-1].position, False)


def test_records_that_are_not_landed_are_no_problem(log, store):
    log.put(STREAM, 0, b"{}")
    assert (ledger(log, store).is_complete, ledger(log, store).recounted) == (True, 6)


def test_objects_with_expired_records_are_not_counted_again(log, store):
    log.advance(12)
    log.put(STREAM, 0, b"{}", b"{}")
    land_stream(log, store, STREAM)
    log.advance(13)
    account = ledger(log, store)
    assert (account.objects, account.recounted, account.is_complete) == (4, 2, True)


def test_a_skipped_record_is_named_by_the_second_reading(log, store):
    records = log.shard(STREAM, 0).records
    records.insert(3, records[2]._replace(position=records[2].position + 1))
    assert "accounts for 2 records, and the stream holds 3" in ledger(log, store).problems[0]


def test_a_deleted_object_is_named(log, store):
    deleted = keys(store, STREAM)[1]
    store.delete([deleted])
    assert any("follows another object" in problem for problem in ledger(log, store).problems)


def test_a_deleted_first_object_is_named(log, store):
    store.delete([keys(store, STREAM)[0]])
    assert any("the chain begins with" in problem for problem in ledger(log, store).problems)


def test_changed_bytes_and_missing_lines_are_named(log, store):
    key = keys(store, STREAM)[0]
    whole = store.objects[key]
    store.put(key, whole.body.replace(b'"a":1', b'"a":9'), whole.metadata)
    assert "holds other bytes" in ledger(log, store).problems[0]
    store.put(key, whole.body.splitlines(keepends=True)[0], whole.metadata)
    assert any("holds 1 record and claims 2" in problem for problem in ledger(log, store).problems)


def test_lines_of_another_shard_are_named(log, store):
    key = keys(store, STREAM)[0]
    whole = store.objects[key]
    store.put(key, whole.body.replace(b"shardId-000000000000", b"shardId-000000000001"), whole.metadata)
    assert any("not each once" in problem for problem in ledger(log, store).problems)


def test_a_missing_quarantine_is_named(log, store):
    store.delete([stored.key for stored in store.list("quarantine/")])
    assert any("quarantined records" in problem for problem in ledger(log, store).problems)


def test_damaged_and_lost_metadata_are_named(log, store):
    first, _, newest = keys(store, STREAM)
    store.put(first, store.read(first), {})
    assert any("lacks the platform's metadata" in problem for problem in ledger(log, store).problems)
    store.put(newest, store.read(newest), {})
    assert "lacks the metadata with which it was landed" in ledger(log, store).problems[0]


def test_a_child_landed_before_the_end_of_its_parent_is_named(log, store):
    child, _ = log.split(STREAM, 0)
    land_stream(log, store, STREAM)
    log.put(STREAM, child, b"{}")
    land_stream(log, store, STREAM)
    parents = [key for key in keys(store, STREAM) if "shard=shardId-000000000000/" in key]
    store.delete(parents[-1:])
    texts = [problem for ledger in reconcile(log, store, STREAM) for problem in ledger.problems]
    assert len(texts) == 1 and "was landed before all records of the shard's parents" in texts[0]


def test_without_the_stream_only_the_store_is_checked(store):
    (account,) = audit(None, store, STREAM)
    assert (account.records, account.recounted, account.is_complete) == (5, 0, True)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_damaged_end_is_a_problem_of_its_shard_alone(log, store, place):
    log.create("streaming-u-geo", 2)
    for shard in (0, 1):
        log.put("streaming-u-geo", shard, b"{}")
    land_stream(log, store, "streaming-u-geo")
    damaged = keys(store, "streaming-u-geo")[0]
    store.objects[damaged].metadata["end"] = "x"
    first, second = reconcile(log, store, "streaming-u-geo")
    assert "damaged" in first.problems[0] and second.is_complete
    damaged = keys(store, STREAM)[place]
    store.objects[damaged].metadata["end"] = "x"
    problems = ledger(log, store).problems
    assert any(f"The metadata of {damaged} is damaged" in problem for problem in problems)
    assert not any("follows" in problem for problem in problems)


def test_sizes_and_changed_metadata_are_named_without_reading_objects(log, store):
    first, second, _ = keys(store, STREAM)
    body = store.objects[first].body
    store.put(first, body[:-9], store.objects[first].metadata)
    store.objects[second].metadata["records"] = "7"
    [quarantine] = store.list("quarantine/")
    store.put(quarantine.key, store.read(quarantine.key)[:-9])
    store.calls.clear()
    [account] = reconcile(None, store, STREAM)
    assert not [call for call in store.calls if call[0] == "read"]
    assert set(account.problems) >= {
        f"{first} has {len(body) - 9} bytes and was landed with {len(body)}",
        f"the metadata of {second} was changed after it was landed",
        f"{quarantine.key} has {quarantine.size - 9} bytes and was written with {quarantine.size}",
    }
    damaged = [problem for problem in audit(None, store, STREAM)[0].problems if "is damaged" in problem]
    assert damaged and damaged[0].startswith(f"{quarantine.key} is damaged: line 1 is not a quarantined record")


# -- pending segments


def test_positions_are_the_ordinals_of_objects_along_their_chain(log, store):
    segments = pending_segments(store, STREAM, {})
    assert [(part.app_id, part.start, part.end) for part in segments] == [(APP, number, number) for number in range(3)]
    assert [part.key for part in segments] == keys(store, STREAM)
    assert all(part.size == len(store.read(part.key)) for part in segments)
    assert positions_after(segments) == {APP: 2}
    assert [part.end for part in pending_segments(store, STREAM, {APP: 0})] == [1, 2]
    assert pending_segments(store, STREAM, {APP: 2}) == []


def test_objects_of_the_last_landing_are_not_listed(log, store):
    resume = land_stream(log, store, STREAM).resume
    assert pending_after_landing(store, STREAM, {APP: 2}, resume) == []
    log.put(STREAM, 0, *[b"{}"] * 4)
    resume = land_stream(log, store, STREAM, replace(TWO_AN_OBJECT, resume=resume)).resume
    store.calls.clear()
    segments = pending_after_landing(store, STREAM, {APP: 2}, resume)
    assert store.calls == []
    assert [(part.end, part.records) for part in segments] == [(3, 2), (4, 2)]
    from_listing = [with_manifest(store, part) for part in pending_segments(store, STREAM, {APP: 2})]
    assert segments == from_listing


def test_objects_of_a_concurrent_landing_are_listed(log, store):
    resume = land_stream(log, store, STREAM).resume
    log.put(STREAM, 0, b"{}")
    land_stream(log, store, STREAM)
    log.put(STREAM, 0, b"{}")
    resume = land_stream(log, store, STREAM, StreamOptions(resume=resume)).resume
    assert [part.end for part in pending_after_landing(store, STREAM, {APP: 2}, resume)] == [3, 4]


def test_a_consumer_behind_the_last_landing_misses_nothing(log, store):
    resume = land_stream(log, store, STREAM).resume
    log.put(STREAM, 0, b"{}")
    resume = land_stream(log, store, STREAM, StreamOptions(resume=resume)).resume
    assert [part.end for part in pending_after_landing(store, STREAM, {APP: 0}, resume)] == [1, 2, 3]
    assert [part.end for part in pending_after_landing(store, STREAM, {}, resume)] == [0, 1, 2, 3]


def test_missing_objects_after_a_position_are_an_error(log, store):
    store.delete(keys(store, STREAM)[:2])
    with pytest.raises(
        PermanentFailure, match=r"applied objects 0 to 0, and the oldest object in the bucket is number 2 "
    ):
        pending_segments(store, STREAM, {APP: 0})
