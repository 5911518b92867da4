"""Landing a topic from the broker, on fakes."""

import json

import pytest

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kafka.ledger import audit, reconcile
from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.faults import FaultyStore
from pinterest_platform_tests.landing.kafka.invariants import connect_key, expected, landed
from pinterest_platform_tests.landing.kafka.topics import TOPIC, is_complete, keys, rows
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic


def test_each_committed_record_is_landed_once_in_objects_named_after_their_position(log, store):
    log.append(TOPIC, 0, *rows(10, 100))
    result = land_topic(log, store, TOPIC, TopicOptions(object_bytes=600))
    assert keys(store) == [f"{TOPIC}+0+{position:019d}.json" for position in (0, 3, 6, 9)]
    assert landed(store, TOPIC) == expected(log, TOPIC)
    part = result.partitions[0]
    assert (part.objects, part.records, part.first_start, part.next_offset) == (4, 10, 0, 10)
    assert part.bytes == sum(stored.size for stored in store.list("topics/"))
    assert is_complete(log, store)


def test_the_log_names_each_object_with_its_counts(log, store):
    progress: list[str] = []
    log.append(TOPIC, 0, *rows(1))
    land_topic(log, store, TOPIC, progress=progress.append)
    log.append(TOPIC, 0, *rows(2), b"junk")
    land_topic(log, store, TOPIC, progress=progress.append)
    assert progress == [
        f"{TOPIC}/0: landed offsets 0 to 0: 1 record, 0 quarantined, 0 gaps",
        f"{TOPIC}/0: landed offsets 1 to 3: 2 records, 1 quarantined, 0 gaps",
    ]


def test_a_second_landing_lands_and_writes_nothing(log, store):
    log.append(TOPIC, 0, *rows(4), b"junk")
    land_topic(log, store, TOPIC)
    store.calls.clear()
    again = land_topic(log, store, TOPIC)
    assert (again.objects, again.records, again.partitions[0].next_offset, again.partitions[0].first_start) == (
        0,
        0,
        5,
        5,
    )
    assert {call for call, _ in store.calls} <= {"list", "metadata"}


def test_a_landing_with_list_from_lists_no_older_objects(log, store):
    log.append(TOPIC, 0, *rows(9, 100))
    first = land_topic(log, store, TOPIC, TopicOptions(object_bytes=600))
    log.append(TOPIC, 0, *rows(3, 100))
    again = land_topic(log, store, TOPIC, TopicOptions(object_bytes=600, list_from=first.list_from))
    assert (again.records, again.partitions[0].newest) == (3, 9)
    assert landed(store, TOPIC) == expected(log, TOPIC)


def test_list_from_a_missing_object_changes_nothing(log, store):
    log.append(TOPIC, 0, *rows(3))
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(3))
    land_topic(log, store, TOPIC, TopicOptions(list_from={"u.pin/0": 77}))
    assert not any(call == "taken" for call, _ in store.calls)
    assert landed(store, TOPIC) == expected(log, TOPIC) and len(keys(store)) == 2


def test_records_have_their_envelope_and_metadata_has_the_range(log, store):
    log.append(TOPIC, 0, *rows(2))
    log.skip(TOPIC, 0)
    land_topic(log, store, TOPIC)
    key = next(store.list("topics/")).key
    lines = [json.loads(line) for line in store.read(key).splitlines()]
    assert [(line["_partition"], line["_offset"], line["index"]) for line in lines] == [(0, 0, 0), (0, 1, 1)]
    claim = store.metadata(key)
    assert {name: claim[name] for name in ("start", "end", "records", "quarantined", "gaps", "accepted-gap")} == {
        "start": "0", "end": "2", "records": "2", "quarantined": "0", "gaps": "1", "accepted-gap": "0",
    }  # fmt: skip
    assert claim["topic-id"] == log.topic_id(TOPIC)
    assert (int(claim["earliest-ms"]), int(claim["latest-ms"])) == (lines[0]["_timestamp"], lines[1]["_timestamp"])


def test_rejected_records_are_quarantined_with_their_bytes_and_the_others_are_landed(log, store):
    log.append(TOPIC, 0, b'{"a":1}', b"\xff", None, b"[1]", b'{"a":2}')
    result = land_topic(log, store, TOPIC)
    assert (result.records, result.quarantined) == (2, 3)
    entries = [(entry.position, entry.value, entry.reason) for entry in quarantined_of_topic(store, TOPIC)]
    assert entries == [
        (1, b"\xff", "not UTF-8"),
        (2, None, "no value (a tombstone)"),
        (3, b"[1]", "not one JSON object"),
    ]
    assert landed(store, TOPIC) == expected(log, TOPIC)
    assert is_complete(log, store)


def test_rejected_records_count_towards_the_size_so_that_memory_is_bounded(log, store):
    log.append(TOPIC, 0, *[b"x" * 300] * 10)
    result = land_topic(log, store, TOPIC, TopicOptions(object_bytes=1200))
    assert result.objects == 5 and is_complete(log, store)


def test_a_range_without_records_moves_the_position(log, store):
    log.skip(TOPIC, 0, 5)
    result = land_topic(log, store, TOPIC)
    assert (result.objects, result.records, result.partitions[0].gaps, result.partitions[0].next_offset) == (1, 0, 5, 5)
    assert land_topic(log, store, TOPIC).objects == 0


def test_landing_ends_before_an_open_transaction(log, store):
    log.append(TOPIC, 0, *rows(2))
    log.hold(TOPIC, 0)
    log.append(TOPIC, 0, *rows(2))
    assert land_topic(log, store, TOPIC).partitions[0].next_offset == 2
    log.release(TOPIC, 0)
    log.skip(TOPIC, 0)
    land_topic(log, store, TOPIC)
    assert landed(store, TOPIC) == expected(log, TOPIC) and is_complete(log, store)


def test_an_empty_partition_gets_no_object(log, store):
    result = land_topic(log, store, TOPIC)
    assert result.objects == 0 and not store.objects
    assert (result.partitions[0].first_start, result.partitions[0].next_offset) == (0, 0)


def test_a_record_larger_than_the_size_limit_has_an_object_of_its_own(log, store):
    log.append(TOPIC, 0, b'{"a":1}', json.dumps({"a": "x" * 5000}).encode(), b'{"a":2}')
    land_topic(log, store, TOPIC, TopicOptions(object_bytes=1024))
    assert [stored.size > 5000 for stored in store.list("topics/")] == [False, True, False]


def test_a_broker_that_ends_before_the_landed_range_is_an_error(log, store):
    log.append(TOPIC, 0, *rows(5))
    land_topic(log, store, TOPIC)
    del log.topics[TOPIC].partitions[0].entries[3:]
    with pytest.raises(PermanentFailure, match="ends at offset 3, below 5"):
        land_topic(log, store, TOPIC)


def test_a_log_that_repeats_an_offset_is_an_error(log, store):
    log.append(TOPIC, 0, *rows(3))
    entries = log.topics[TOPIC].partitions[0].entries
    entries[2] = entries[1]
    with pytest.raises(PermanentFailure, match="returned offset 1 instead of one from 2"):
        land_topic(log, store, TOPIC)
    assert not store.objects


def test_deleted_objects_that_a_consumer_has_applied_are_not_landed_again(log, store):
    log.append(TOPIC, 0, *rows(5))
    land_topic(log, store, TOPIC)
    store.objects.clear()
    log.append(TOPIC, 0, *rows(2))
    result = land_topic(log, store, TOPIC, TopicOptions(cleaned={f"{TOPIC}/0": 4}))
    assert (result.partitions[0].first_start, result.records) == (5, 2)
    assert "begins with" in reconcile(log, store, TOPIC)[0].problems[0]


def test_landing_continues_after_a_shorter_object_of_another_writer(log, store):
    log.append(TOPIC, 0, *rows(4))
    rival = FakeTopicLog()
    rival.topics = {TOPIC: log.topics[TOPIC]}
    calls: list[int] = []

    def overtake(name: str, key: str) -> None:
        if name == "put_if_absent" and not calls:
            calls.append(1)
            log.hold(TOPIC, 0)
            log.topics[TOPIC].partitions[0].held_at = 2
            land_topic(rival, store, TOPIC)
            log.release(TOPIC, 0)

    result = land_topic(log, FaultyStore(store, before=overtake), TOPIC)
    assert (result.records, result.objects, result.partitions[0].first_start) == (2, 1, 2)
    assert landed(store, TOPIC) == expected(log, TOPIC) and is_complete(log, store)


@pytest.mark.parametrize("fault", ["lose", "echo"])
def test_a_lost_reply_to_the_commit_lands_nothing_twice_and_counts_the_object(log, store, fault):
    log.append(TOPIC, 0, *rows(4))
    probe = FaultyStore(FakeObjectStore())
    land_topic(log, probe, TOPIC)
    commit = probe.calls - 1
    if fault == "lose":
        with pytest.raises(TransientFailure, match="lost"):
            land_topic(log, FaultyStore(store, {commit: fault}), TOPIC)
        assert land_topic(log, store, TOPIC).objects == 0
    else:
        assert land_topic(log, FaultyStore(store, {commit: fault}), TOPIC).records == 4
    assert landed(store, TOPIC) == expected(log, TOPIC)


def test_a_foreign_object_at_the_position_is_an_error(log, store):
    log.append(TOPIC, 0, *rows(4))

    def intrude(name: str, key: str) -> None:
        if name == "put_if_absent" and key not in store.objects:
            store.put(key, b'{"index":0}\n')

    with pytest.raises(TransientFailure, match="another program"):
        land_topic(log, FaultyStore(store, before=intrude), TOPIC)


def test_a_quarantine_orphan_is_deleted_after_its_position_is_committed_and_not_before(log, store):
    log.append(TOPIC, 0, b"junk", b'{"a":1}')
    orphan = f"quarantine/topics/{TOPIC}/partition=0/{TOPIC}+0+{0:019d}+{0:019d}.json"
    ahead = f"quarantine/topics/{TOPIC}/partition=0/{TOPIC}+0+{2:019d}+{9:019d}.json"
    store.put(orphan, b"")
    store.put(ahead, b"")
    land_topic(log, store, TOPIC)
    assert orphan in store.objects
    land_topic(log, store, TOPIC)
    assert orphan not in store.objects and ahead in store.objects
    assert [entry.position for entry in quarantined_of_topic(store, TOPIC)] == [0]


def test_a_missing_topic_and_an_unreachable_broker_are_errors(log, store):
    with pytest.raises(PermanentFailure, match="no topic"):
        land_topic(log, store, "u.geo")
    log.down = True
    with pytest.raises(TransientFailure, match="down"):
        land_topic(log, store, TOPIC)


def test_topics_with_a_common_prefix_are_separate(store):
    log = FakeTopicLog()
    for topic, count in (("u.pin", 3), ("u.pin.x", 5), ("u.pi", 2)):
        log.create(topic)
        log.append(topic, 0, *rows(count))
        land_topic(log, store, topic)
    assert [len(landed(store, topic)[0]) for topic in ("u.pin", "u.pin.x", "u.pi")] == [3, 5, 2]


def test_all_of_many_partitions_are_landed(store):
    log = FakeTopicLog()
    log.create(TOPIC, partitions=12)
    for partition in range(12):
        log.append(TOPIC, partition, *rows(partition + 1))
    assert len(land_topic(log, store, TOPIC).partitions) == 12
    assert landed(store, TOPIC) == expected(log, TOPIC)
    assert land_topic(log, store, TOPIC).objects == 0


def test_an_unreadable_partition_is_an_error_after_the_other_partitions_are_landed(store):
    log = FakeTopicLog()
    log.create(TOPIC, partitions=2)
    log.append(TOPIC, 0, *rows(6))
    land_topic(log, store, TOPIC)
    store.put(connect_key(TOPIC, 0, 3), b'{"index":3}\n')
    log.append(TOPIC, 1, *rows(2))
    lines: list[str] = []
    with pytest.raises(PermanentFailure, match="cover the same offsets"):
        land_topic(log, store, TOPIC, progress=lines.append)
    assert sorted(landed(store, TOPIC)[1]) == [0, 1]
    assert any("cover the same offsets" in line for line in lines)


def test_a_negative_cleaned_position_means_none(log, store):
    log.append(TOPIC, 0, *rows(6))
    log.trim(TOPIC, 0, 4)
    result = land_topic(log, store, TOPIC, TopicOptions(cleaned={f"{TOPIC}/0": -1}))
    assert (result.records, result.partitions[0].first_start) == (2, 4)


def test_committed_quarantine_is_not_deleted_while_an_older_object_is_missing(log, store):
    for _ in range(3):
        log.append(TOPIC, 0, b"junk", b'{"a":1}')
        land_topic(log, store, TOPIC)
    before = sorted(key for key in store.objects if key.startswith("quarantine/"))
    middle = f"topics/{TOPIC}/partition=0/{TOPIC}+0+{2:019d}.json"
    moved_away = store.objects.pop(middle)
    land_topic(log, store, TOPIC)
    assert sorted(key for key in store.objects if key.startswith("quarantine/")) == before
    assert [entry.position for entry in quarantined_of_topic(store, TOPIC)] == [0, 4]
    assert not any("quarantined" in problem for problem in audit(log, store, TOPIC)[0].problems)
    store.objects[middle] = moved_away
    assert is_complete(log, store)


def test_a_quarantine_orphan_under_the_other_root_is_deleted(log, store):
    store.put(connect_key(TOPIC, 0, 0), b'{"index":0}\n')
    land_topic(log, store, TOPIC, TopicOptions(landed_by_connect=True))
    orphan = f"quarantine/topics/{TOPIC}/partition=0/{TOPIC}+0+{0:019d}+{0:019d}.json"
    store.put(orphan, b"")
    land_topic(log, store, TOPIC, TopicOptions(landed_by_connect=True))
    assert orphan not in store.objects


def test_time_does_not_decrease_after_an_object_without_records(log, store):
    log.append(TOPIC, 0, *rows(3))
    store.put(connect_key(TOPIC, 0, 0), b'{"index":0}\n')
    late = FIRST_TIMESTAMP_MS + 10**9
    store.objects[connect_key(TOPIC, 0, 0)].modified_ms = late
    land_topic(log, store, TOPIC, TopicOptions(landed_by_connect=True))
    log.append(TOPIC, 0, *rows(3))
    log.trim(TOPIC, 0, 3)
    land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(AcceptedGap(TOPIC, 0, 1, 2),)))
    log.skip(TOPIC, 0, 2)
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(2))
    land_topic(log, store, TOPIC)
    times = [
        json.loads(line)["_timestamp"]
        for stored in [*store.list("adopted/"), *store.list(f"topics/{TOPIC}/partition=0/{TOPIC}+0+0000000000000000")]
        for line in store.read(stored.key).splitlines()
    ]
    assert times == [late] * 6
