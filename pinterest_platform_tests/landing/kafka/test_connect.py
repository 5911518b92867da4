"""Adoption of objects that a Kafka Connect S3 sink wrote (rules L15, L16)."""

import gzip

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import audit, reconcile
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.ports import Record
from pinterest_platform.testing import FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.landing.kafka.invariants import connect_key, expected, landed
from pinterest_platform_tests.landing.kafka.sink import (
    CONNECT,
    TOPIC,
    NoBroker,
    adopted,
    lines,
    topic_with,
    value,
    write,
)
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic


@pytest.mark.parametrize("digits", [1, 10, 19])
@pytest.mark.parametrize("packed", [False, True])
def test_objects_of_one_record_are_merged_into_one_adopted_object(store, digits, packed):
    for offset in range(25):
        write(store, offset, digits=digits, packed=packed)
    result = land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert (result.objects, result.records) == (1, 25)
    assert adopted(store) == [f"{TOPIC}+0+{0:019d}.json"]
    assert [(line["_offset"], line["index"]) for line in lines(store)] == [(offset, offset) for offset in range(25)]
    assert land_topic(NoBroker(), store, TOPIC, CONNECT).objects == 0
    assert audit(None, store, TOPIC)[0].is_complete


def test_later_objects_of_a_sink_are_adopted_later(store):
    write(store, 0, 3)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    write(store, 3, 2)
    again = land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert (again.records, again.partitions[0].first_start, again.partitions[0].next_offset) == (2, 3, 5)
    assert [line["index"] for line in lines(store)] == list(range(5))
    positions = {f"{TOPIC}/0": 2}
    assert [(segment.start, segment.end) for segment in pending_segments(store, TOPIC, positions)] == [(3, 4)]


def test_an_adopted_object_holds_complete_objects_of_a_sink_up_to_the_size_limit(store):
    for start in range(0, 40, 4):
        write(store, start, 4)
    result = land_topic(NoBroker(), store, TOPIC, TopicOptions(object_bytes=700, landed_by_connect=True))
    assert result.objects > 2
    assert all(segment.start % 4 == 0 and segment.size <= 700 for segment in pending_segments(store, TOPIC, {}))
    assert audit(None, store, TOPIC)[0].is_complete


def test_every_partition_is_adopted(store):
    for partition in range(12):
        write(store, 5, 2, partition)
    result = land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert [(part.partition, part.first_start, part.next_offset) for part in result.partitions] == [
        (partition, 5, 7) for partition in range(12)
    ]


def test_the_append_time_is_the_modification_time_and_never_decreases(store):
    first, second = write(store, 0, 2), write(store, 2, 2)
    store.objects[first].modified_ms, store.objects[second].modified_ms = 2000, 1000
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert [line["_timestamp"] for line in lines(store)] == [2000] * 4
    store.objects[write(store, 4)].modified_ms = 1500
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert lines(store)[-1]["_timestamp"] == 2000


def test_a_rejected_line_is_quarantined_with_its_offset(store):
    store.put(connect_key(TOPIC, 0, 10), b'{"a":1}\njunk\n\n{"_offset":3}\n{"a":2}')
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert [line["_offset"] for line in lines(store)] == [10, 14]
    assert [(entry.position, entry.value) for entry in quarantined_of_topic(store, TOPIC)] == [
        (11, b"junk"), (12, b""), (13, b'{"_offset":3}'),
    ]  # fmt: skip


def test_offsets_between_the_objects_of_a_sink_are_gaps(store):
    write(store, 3, 2)
    write(store, 8, 1)
    result = land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert (result.partitions[0].gaps, result.partitions[0].first_start) == (3, 3)
    assert audit(None, store, TOPIC)[0].is_complete


def test_the_platform_continues_after_the_last_object_of_a_sink(store):
    write(store, 0, 4)
    log = topic_with(9)
    result = land_topic(log, store, TOPIC)
    assert (result.objects, result.records) == (2, 9)
    assert landed(store, TOPIC) == expected(log, TOPIC)
    assert len(adopted(store)) == 1
    assert land_topic(log, store, TOPIC).objects == 0
    assert all(ledger.is_complete and not ledger.unlanded for ledger in audit(log, store, TOPIC))


def test_a_sink_continues_after_the_last_object_of_the_platform(store):
    log = topic_with(4)
    land_topic(log, store, TOPIC)
    write(store, 4, 3, digits=19)
    result = land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert (result.records, result.partitions[0].next_offset) == (3, 7)
    log.append(TOPIC, 0, *[value(offset) for offset in range(4, 9)])
    assert land_topic(log, store, TOPIC).records == 2
    assert landed(store, TOPIC) == expected(log, TOPIC)


def test_offsets_missing_between_objects_of_a_sink_are_landed_from_the_broker(store):
    write(store, 2, 2)
    write(store, 7, 1)
    log = topic_with(10)
    log.trim(TOPIC, 0, 1)
    land_topic(log, store, TOPIC)
    assert landed(store, TOPIC) == expected(log, TOPIC)
    assert sorted(landed(store, TOPIC)[0]) == list(range(1, 10))


def test_missing_offsets_that_the_broker_no_longer_holds_are_gaps(store):
    write(store, 2, 2)
    write(store, 7, 1)
    log = topic_with(12)
    log.trim(TOPIC, 0, 7)
    land_topic(log, store, TOPIC)
    assert sorted(landed(store, TOPIC)[0]) == [2, 3, 7, 8, 9, 10, 11]


def test_missing_offsets_that_the_broker_holds_in_part_are_landed_as_far_as_it_holds_them(store):
    write(store, 2, 2)
    write(store, 7, 1)
    log = topic_with(12)
    log.trim(TOPIC, 0, 6)
    result = land_topic(log, store, TOPIC)
    assert sorted(landed(store, TOPIC)[0]) == [2, 3, 6, 7, 8, 9, 10, 11]
    assert (result.partitions[0].gaps, result.unverified) == (2, 1)
    assert audit(log, store, TOPIC)[0].is_complete


def test_offsets_lost_between_the_platform_and_a_sink_are_an_error(store):
    land_topic(topic_with(4), store, TOPIC)
    write(store, 6, 2)
    with pytest.raises(PermanentFailure, match="offsets 4 to 5 are lost"):
        land_topic(NoBroker(), store, TOPIC, CONNECT)
    log = topic_with(10)
    log.topics[TOPIC].topic_id = next(iter(store.objects.values())).metadata["topic-id"]
    land_topic(log, store, TOPIC)
    assert landed(store, TOPIC) == expected(log, TOPIC)


def test_a_topic_with_records_younger_than_the_sinks_at_the_same_offsets_is_refused(store):
    write(store, 0, 3)
    log = topic_with(0)
    land_topic(log, store, TOPIC)
    hour_later = FIRST_TIMESTAMP_MS + 3_600_000
    log.topics[TOPIC].partitions[0].entries += [Record(offset, hour_later, value(offset)) for offset in range(5)]
    with pytest.raises(PermanentFailure, match="PINTEREST_CONNECT_TOPICS"):
        land_topic(log, store, TOPIC)


def test_an_empty_topic_with_adopted_objects_is_no_error(store):
    write(store, 0, 4)
    assert land_topic(topic_with(0), store, TOPIC).records == 4
    assert land_topic(topic_with(0), store, TOPIC).objects == 0


def test_a_broker_that_ends_before_a_sinks_objects_is_an_error_that_names_the_setting(store):
    write(store, 0, 4)
    with pytest.raises(PermanentFailure, match=r"ends at offset 2, below 4.*PINTEREST_CONNECT_TOPICS"):
        land_topic(topic_with(2), store, TOPIC)
    write(store, 5, 4)
    with pytest.raises(PermanentFailure, match="PINTEREST_CONNECT_TOPICS"):
        land_topic(topic_with(2), store, TOPIC)


def test_an_object_of_a_sink_in_a_landed_range_is_an_overlap(store):
    log = topic_with(6)
    land_topic(log, store, TOPIC)
    key = write(store, 3)
    with pytest.raises(PermanentFailure, match="cover the same offsets") as raised:
        land_topic(log, store, TOPIC)
    assert key in str(raised.value)
    assert not reconcile(log, store, TOPIC)[0].is_complete


@pytest.mark.parametrize("second", [(2, 2, False), (3, 1, False), (0, 4, True)])
def test_two_objects_of_a_sink_with_the_same_offsets_are_an_overlap(store, second):
    start, count, packed = second
    write(store, 0, 4)
    write(store, start, count, packed=packed)
    with pytest.raises(PermanentFailure, match="overlap"):
        land_topic(NoBroker(), store, TOPIC, CONNECT)


@pytest.mark.parametrize(
    ("extension", "body", "message"),
    [
        ("json.gz", b"no gzip", "not complete gzip"),
        ("json.gz", gzip.compress(b'{"a":1}\n' * 50, mtime=0)[:-12], "not complete gzip"),
        ("json", b"", "is empty"),
        ("avro", b"Obj", "not a JSON object of a Kafka Connect S3 sink"),
        ("json.snappy", b"", "not a JSON object of a Kafka Connect S3 sink"),
    ],
)
def test_an_unreadable_object_is_named(store, extension, body, message):
    key = connect_key(TOPIC, 0, 0, extension=extension)
    store.put(key, body)
    with pytest.raises(PermanentFailure, match=message) as raised:
        land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert key in str(raised.value)


def test_objects_with_other_names_are_ignored(store):
    store.put(f"topics/{TOPIC}/partition=0/_SUCCESS", b"")
    store.put(f"topics/{TOPIC}/readme.txt", b"")
    write(store, 0)
    assert land_topic(NoBroker(), store, TOPIC, CONNECT).records == 1


def test_a_landing_after_a_sink_does_not_read_every_manifest(store):
    write(store, 0, 4)
    log = topic_with(40)
    land_topic(log, store, TOPIC, TopicOptions(object_bytes=100))
    assert len(pending_segments(store, TOPIC, {})) > 30
    store.calls.clear()
    land_topic(log, store, TOPIC)
    assert sum(call == "metadata" for call, _ in store.calls) <= 3


def test_a_record_of_the_broker_is_never_earlier_than_adopted_records_before_it(store):
    key = write(store, 0)
    store.objects[key].modified_ms = FIRST_TIMESTAMP_MS + 10**9
    land_topic(topic_with(4), store, TOPIC, TopicOptions(object_bytes=100))
    assert [line["_offset"] for line in lines(store)] == [0, 1, 2, 3]
    assert [line["_timestamp"] for line in lines(store)] == [FIRST_TIMESTAMP_MS + 10**9] * 4


def test_the_ledger_of_a_topic_that_connect_lands_does_not_call_the_broker(store):
    for partition in range(3):
        write(store, 2, 2, partition)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    write(store, 4, 1)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    ledgers = audit(None, store, TOPIC)
    assert [(ledger.first_start, ledger.next_offset, ledger.broker_end) for ledger in ledgers] == [
        (2, 5, None), (2, 4, None), (2, 4, None),
    ]  # fmt: skip
    assert all(ledger.is_complete and ledger.unlanded == 0 for ledger in ledgers)


@pytest.mark.parametrize(
    "extra", [b"1e400", b"7" * 5000, b"[" * 100_000 + b"]" * 100_000, rb'"\ud800"'], ids=lambda extra: str(extra[:6])
)
def test_values_that_json_readers_fail_on_are_adopted_and_continued_by_the_broker(store, extra):
    values = [b'{"index":%d,"extra":%b}' % (offset, extra) for offset in range(3)]
    store.put(connect_key(TOPIC, 0, 0), b"".join(text + b"\n" for text in values))
    progress: list[str] = []
    land_topic(NoBroker(), store, TOPIC, CONNECT, progress.append)
    assert not any("is not JSON" in line for line in progress)
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, *values, value(3))
    assert land_topic(log, store, TOPIC).records == 1
    assert audit(log, store, TOPIC)[0].is_complete


@pytest.mark.parametrize("options", [CONNECT, TopicOptions()])
def test_objects_with_keys_and_headers_of_records_are_not_landed_and_reported(store, options):
    write(store, 0, 3)
    for kind in ("keys", "headers"):
        store.put(connect_key(TOPIC, 0, 0, extension=f"{kind}.json"), b'"k"\n"k"\n"k"\n')
    store.put(connect_key(TOPIC, 0, 0, extension="keys.json.gz"), gzip.compress(b'"k"\n'))
    progress: list[str] = []
    result = land_topic(topic_with(3), store, TOPIC, options, progress.append)
    assert (result.records, result.quarantined) == (3, 0)
    assert any(
        f"not landed: 3 objects with keys or headers of records, such as topics/{TOPIC}/" in line for line in progress
    )
    assert reconcile(None, store, TOPIC)[0].is_complete
