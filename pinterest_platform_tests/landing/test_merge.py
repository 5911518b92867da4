"""Merging of small landed objects, on both routes (rule L23)."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing import kafka
from pinterest_platform.landing.audit_schedule import EVERYTHING
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.merge import MergeResult
from pinterest_platform_tests.faults import FaultyStore, Killed
from pinterest_platform_tests.landing.chains import TOPIC, Chain, Partition, Shard, figures
from pinterest_platform_tests.landing.kafka.invariants import connect_key
from pinterest_platform_tests.landing.merging import WINGS, merge, merged_keys, read, record_positions, three

ROW = b'{"a":1}'
MANIFESTS = {Partition: PartitionManifest, Shard: ShardManifest}


@pytest.fixture(params=[Partition, Shard])
def chain(request: pytest.FixtureRequest) -> Chain:
    """A chain of ten objects that are older than two days, and of two new ones."""
    chain: Chain = request.param()
    chain.land(*[ROW] * 10)
    chain.age()
    chain.land(ROW, ROW)
    return chain


def test_old_small_objects_become_one_and_every_reader_reads_each_record_once(chain):
    before, ledger = read(chain), chain.account(chain.store, None)
    ends = [end for end, _ in before]
    result = merge(chain)
    assert result == MergeResult(chain.keys[0].rpartition("/")[0] + "/", 10, 1)
    assert len(merged_keys(chain)) == 1
    assert record_positions(chain) == [position for _, position in before]
    assert [end for end, _ in read(chain)][-3:] == [ends[9], ends[10], ends[11]], "no position moves"
    for applied in ends[:-1]:
        following = [pair for pair in before if pair[0] > applied]
        if isinstance(chain, Shard) and applied < ends[9]:
            # Ordinals are counted back from the newest object, so merged objects are read as a whole.
            following = read(chain)
        assert read(chain, applied) == following, "replaced objects are read as long as they exist"
    audited = chain.account(chain.store, EVERYTHING)
    assert (audited.problems, audited.records, audited.objects) == ((), ledger.records, 3)
    assert merge(chain) == MergeResult(result.prefix), "nothing is merged twice"


def test_replaced_objects_are_deleted_after_the_retention_and_nothing_is_lost(chain):
    before = read(chain)
    merge(chain)
    chain.age(6.9)
    assert merge(chain).deleted == 0
    chain.age(0.2)
    keys = chain.keys
    assert merge(chain).deleted == 10
    assert chain.keys == keys[10:], "the newest objects stay"
    assert record_positions(chain) == [position for _, position in before]
    inside = before[4][0]
    assert record_positions(chain, inside) == record_positions(chain), "the merged object around a position is read"
    assert read(chain, before[9][0]) == before[10:]
    assert chain.account(chain.store, EVERYTHING).problems == ()
    chain.land(ROW)
    assert len(read(chain)) == len(before) + 1


def test_the_newest_object_and_young_large_and_adopted_ones_stay(chain):
    chain.age(0.5)
    chain.land(b'{"a":"%s"}' % (b"x" * 500), ROW, ROW)
    chain.age(5)
    merge(chain, object_bytes=900)
    [first, *_, last] = chain.keys
    large = max(chain.keys, key=lambda key: len(chain.store.objects[key].body))
    chain.age(10)
    merge(chain, object_bytes=900)
    assert large in chain.keys
    assert last in chain.keys
    assert first not in chain.keys
    assert chain.account(chain.store, EVERYTHING).problems == ()
    assert all(len(chain.store.objects[key].body) <= 900 for key in merged_keys(chain))


def test_objects_with_quarantined_records_keep_their_own_objects(chain):
    chain.land(ROW, b"junk", ROW, ROW, b"junk", ROW)
    chain.age()
    before = chain.account(chain.store, None)
    result = merge(chain)
    assert (result.objects, result.merged) == (15, 2)
    after = chain.account(chain.store, EVERYTHING)
    assert (after.quarantined, after.records, after.problems) == (before.quarantined, before.records, ())
    assert after.quarantined == 2


def test_a_dry_run_writes_nothing(chain):
    objects = dict(chain.store.objects)
    assert merge(chain, dry_run=True).objects == 10
    assert chain.store.objects == objects
    merge(chain)
    chain.age(8)
    objects = dict(chain.store.objects)
    assert merge(chain, dry_run=True).deleted == 10
    assert chain.store.objects == objects


@pytest.mark.parametrize("damage", ["bytes", "metadata", "missing"])
def test_damaged_objects_are_named_and_not_merged(chain, damage):
    key = chain.keys[4]
    if damage == "bytes":
        chain.change(key, chain.store.objects[key].body[:-3] + b"2}\n")
    elif damage == "metadata":
        chain.change(key, digest="0")
    else:
        chain.store.delete([key])
    chain.age()
    before = set(chain.store.objects)
    [failure] = merge(chain).failures
    assert (chain.keys[3] if damage == "missing" else key) in failure.what
    assert set(chain.store.objects) == before


def test_a_replaced_object_whose_bytes_are_not_in_the_merged_one_is_named_and_nothing_is_deleted(chain):
    merge(chain)
    chain.age(8)
    replaced = chain.keys[5]
    body = chain.store.objects[replaced].body[:-3] + b"2}\n"
    manifest = MANIFESTS[type(chain)].parse(replaced, chain.store.objects[replaced].metadata)
    chain.store.put(replaced, body, replace(manifest, digest=sha256(body).hexdigest()).sealed_metadata())
    keys = chain.keys
    result = merge(chain)
    assert result.deleted == 0
    assert f"{replaced} was neither merged nor deleted: its bytes are not in merged/" in result.failures[0].what
    assert chain.keys == keys


def test_nothing_is_deleted_in_a_range_while_another_merged_object_overlaps_it(chain):
    merge(chain)
    [key] = merged_keys(chain)
    chain.age(8)
    stem, end, _ = key.rsplit("+", 2)
    chain.store.put(f"{stem}+{int(end) - 1:0{len(end)}d}+000000009.json", b"")
    assert merge(chain).deleted == 0
    chain.age(8)
    assert merge(chain).deleted == 0, "it was deleted just now"
    assert merged_keys(chain) == [key]
    assert merge(chain).deleted == 10


def test_a_changed_merged_object_is_named_by_ledger_and_merge_and_nothing_is_deleted(chain):
    merge(chain)
    [key] = merged_keys(chain)
    chain.change(key, chain.store.objects[key].body[:-3] + b"2}\n")
    assert any(key in problem for problem in chain.ledger().problems)
    chain.age(8)
    result = merge(chain)
    assert result.deleted == 0
    assert key in result.failures[0].what


def test_a_copied_merged_object_is_named(chain):
    merge(chain)
    [key] = merged_keys(chain)
    copied = chain.store.objects[key]
    chain.store.delete([key])
    name = key.rpartition("+")
    chain.store.put(f"{name[0]}+000000011.json", copied.body, copied.metadata)
    assert any("in contradiction to its name" in problem for problem in chain.ledger().problems)


def test_checkpoints_of_merged_ranges_are_replaced_without_a_problem(chain, monkeypatch):
    monkeypatch.setattr("pinterest_platform.landing.checkpoint._MAX_OBJECTS", 3)
    chain.age()
    assert chain.ledger().problems == ()
    expected = figures(chain.ledger())
    # The limit cuts the runs at other places than the blocks.
    merge(chain, object_bytes=three(chain))
    assert len(merged_keys(chain)) == 4
    covered: list[int] = []
    for days in (0.1, 1, 1, 2.1, 3, 3, 1, 1):
        ledger = chain.ledger()
        assert ledger.problems == ()
        assert {**figures(ledger), "objects": 0} == {**expected, "objects": 0}
        assert figures(ledger) == figures(chain.account(chain.without_checkpoints(), None))
        chain.age(days)
        merge(chain, object_bytes=three(chain))
        covered.append(ledger.from_checkpoint)
    assert len(chain.keys) < 10, "replaced objects were deleted"
    assert max(covered[4:]) > 0


def test_a_merge_killed_at_any_call_leaves_each_record_in_one_object_and_the_next_one_completes(chain):
    chain.ledger()
    object_bytes = three(chain)
    expected = record_positions(chain)
    for stage in ("merge", "delete"):
        original, number = dict(chain.store.objects), 0
        while True:
            calls = FaultyStore(chain.store, {number: "kill" if number % 2 else "kill-after"})
            with suppress(Killed):
                merge(chain, calls, object_bytes=object_bytes)
                break
            assert record_positions(chain) == expected
            assert chain.account(chain.without_checkpoints(), EVERYTHING).problems == ()
            if number % 5 == 0:
                assert chain.ledger().problems == ()
            assert merge(chain, object_bytes=object_bytes).failures == ()
            assert record_positions(chain) == expected
            chain.store.objects = dict(original)
            number += 1
        assert number > 20, stage
        chain.age(8)
    assert len(chain.keys) == 3, "the newest one, and two that were merged last"


def test_the_requests_of_a_merge_depend_on_what_is_new(chain):
    def merge_counted() -> tuple[MergeResult, Counter[str]]:
        chain.store.calls.clear()
        return merge(chain, object_bytes=1_000_000), Counter(name for name, _ in chain.store.calls)

    merge_counted()
    chain.land(*[ROW] * 1000)
    chain.age()
    result, counts = merge_counted()
    assert (result.objects, counts["read"], counts["put"]) == (1001, 1001, 1)
    assert counts["metadata"] <= 1001 + 5
    assert counts["list"] <= 12
    result, idle = merge_counted()
    assert result.objects == 0
    assert set(idle) <= {"list", "metadata"}
    assert idle.total() <= 15
    chain.age(8)
    result, counts = merge_counted()
    assert (result.deleted, counts["delete"], counts["read"]) == (1011, 1011, 2)
    assert merge_counted()[1] == idle, "nothing for what is merged"


def test_a_sink_continues_a_merged_chain_and_is_refused_within_it():
    chain = Partition()
    chain.land(*[ROW] * 10)
    chain.age()
    assert merge(chain).objects == 9
    chain.store.put(connect_key(TOPIC, 0, 10), ROW + b"\n" + ROW + b"\n")
    chain.age(8)
    options = kafka.TopicOptions(landed_by_connect=True)
    kafka.land_topic(chain.log, chain.store, TOPIC, options)
    assert record_positions(chain) == list(range(12))
    result = merge(chain)
    assert (result.deleted, result.objects) == (9, 0), "a chain with adopted objects is not merged"
    assert record_positions(chain) == list(range(12))
    [ledger] = kafka.reconcile(None, chain.store, TOPIC, EVERYTHING)
    assert (ledger.problems, ledger.records) == ((), 12)
    chain.store.put(connect_key(TOPIC, 0, 4), ROW)
    with pytest.raises(PermanentFailure, match="cover the same offsets"):
        kafka.land_topic(chain.log, chain.store, TOPIC, options)


def test_two_merges_at_once_leave_what_the_first_one_wrote(chain):
    expected, other = record_positions(chain), three(chain)
    original = chain.store.put_if_absent

    def overtaken(key, *arguments):
        if key.startswith("merged/"):
            chain.store.put_if_absent = original
            merge(chain, object_bytes=other)
        return original(key, *arguments)

    chain.store.put_if_absent = overtaken
    assert merge(chain).failures == ()
    assert len(merged_keys(chain)) == 4
    assert record_positions(chain) == expected
    merge(chain)
    chain.age(8)
    merge(chain)
    assert record_positions(chain) == expected
    assert chain.account(chain.store, EVERYTHING).problems == ()
    assert len(merged_keys(chain)) == 4, "the superfluous one was deleted, and another one written"
    for days in (8, 8):
        chain.age(days)
        merge(chain)
        assert record_positions(chain) == expected
    assert len(chain.keys) <= 3


def test_quarantine_in_a_merged_range_is_an_orphan(chain):
    key = chain.keys[3]
    merge(chain)
    name = key.removesuffix(".json")
    orphan = f"quarantine/{name}+{'9' * len(name.rpartition('+')[2])}.json"
    chain.store.put(orphan, b"x")
    wing, source, _ = WINGS[type(chain)]
    assert wing.quarantine_orphans(chain.store, source) == [orphan]
    chain.land(ROW)
    assert orphan not in chain.store.objects, "the landing swept it"
