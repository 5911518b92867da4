"""Adoption of objects that a Kafka Connect S3 sink wrote (rules L15, L16)."""

import gzip
import json

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import audit, reconcile
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.ports import Record
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.landing.kafka.invariants import connect_key, expected, landed
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

TOPIC = "u.pin"
CONNECT = TopicOptions(landed_by_connect=True)


class NoBroker(FakeTopicLog):
    """A broker that must not be called."""

    def _topic(self, topic: str):
        raise AssertionError("the broker was called")


@pytest.fixture
def store() -> FakeObjectStore:
    return FakeObjectStore()


def value(offset: int) -> bytes:
    return json.dumps({"index": offset}).encode()


def write(
    store: FakeObjectStore, start: int, count: int = 1, partition: int = 0, digits: int = 10, packed: bool = False
) -> str:
    body = b"".join(value(offset) + b"\n" for offset in range(start, start + count))
    extension = "json.gz" if packed else "json"
    key = connect_key(TOPIC, partition, start, digits, extension)
    store.put(key, gzip.compress(body) if packed else body)
    return key


def adopted(store: FakeObjectStore) -> list[str]:
    return [stored.key.rsplit("/", 1)[1] for stored in store.list("adopted/")]


def lines(store: FakeObjectStore) -> list[dict]:
    return [
        json.loads(line)
        for segment in pending_segments(store, TOPIC, {})
        for line in store.read(segment.key).splitlines()
    ]


def topic_with(records: int, partitions: int = 1) -> FakeTopicLog:
    log = FakeTopicLog()
    log.create(TOPIC, partitions)
    log.append(TOPIC, 0, *[value(offset) for offset in range(records)])
    return log


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


def test_the_ledger_names_an_adopted_object_with_a_new_object_of_a_sink_in_its_range(store):
    write(store, 0, 4)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    write(store, 2)
    assert "now 2 are in its range" in reconcile(None, store, TOPIC)[0].problems[0]


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


def test_a_tombstone_that_the_sink_skipped_is_quarantined_at_its_own_offset(store):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, value(0), value(1), None, value(3), value(4), value(5))
    store.put(connect_key(TOPIC, 0, 0), b"".join(value(offset) + b"\n" for offset in (0, 1, 3, 4, 5)))
    result = land_topic(log, store, TOPIC)
    assert [(line["_offset"], line["index"]) for line in lines(store)] == [(n, n) for n in (0, 1, 3, 4, 5)]
    assert [(entry.position, entry.value) for entry in quarantined_of_topic(store, TOPIC)] == [(2, None)]
    assert (result.records, result.quarantined, result.unverified) == (5, 1, 0)
    assert land_topic(log, store, TOPIC).objects == 0
    assert audit(log, store, TOPIC)[0].is_complete


def test_values_that_span_lines_are_landed_whole(store):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[json.dumps({"index": number, "b": [1]}, indent=number % 4).encode() for number in range(20)])
    values = [entry.value for entry in log.topics[TOPIC].partitions[0].entries if entry]
    store.put(connect_key(TOPIC, 0, 0), b"".join(each + b"\n" for each in values[:12]))
    land_topic(log, store, TOPIC)
    assert [(line["_offset"], line["index"]) for line in lines(store)] == [(n, n) for n in range(20)]


def test_a_value_that_the_sink_wrote_in_another_form_is_the_same_record(store):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"a": 1.0,"b":"\\u00e9"}', b"null", b'{\n"a":2}')
    store.put(connect_key(TOPIC, 0, 0), '{"b":"é","a":1.0}\n{"a":2}\n'.encode())
    land_topic(log, store, TOPIC)
    assert landed(store, TOPIC) == {0: {0: "record", 1: "quarantine", 2: "record"}}


@pytest.mark.parametrize(
    ("written", "posted"),
    [
        (b"1", b"1.0"),
        (b"10.0", b"1E1"),
        (b"0.1", b"0.10000000000000000001"),
        (b"10e399", b"1E400"),
        (b"100000000000000000000", b"1e20"),
        (rb'"\uD800"', rb'"\ud800"'),
    ],
)
def test_a_number_that_the_sink_wrote_in_another_notation_is_the_same_record(store, written, posted):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"index":%b}' % posted, b'{"index":1}', b'{"index":true}')
    store.put(connect_key(TOPIC, 0, 0), b'{"index": %b}\n{"index":1}\n{"index":true}\n' % written)
    assert land_topic(log, store, TOPIC).records == 3
    assert [each["_offset"] for each in lines(store)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("written", "posted"),
    [
        (b'"Infinity"', b"1E400"),
        (b"null", b"1E400"),
        (b"2E400", b"1E400"),
        (b"1", b"true"),
        (b"9007199254740992", b"9007199254740993"),
        (b"123456789012345678902", b"123456789012345678901"),
        (b"NaN", b"NaN "),
        (b"1E9999999999999999999", b"2E9999999999999999999"),
    ],
)
def test_a_value_that_the_sink_changed_is_refused_with_its_line(store, written, posted):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"index":%b}' % posted)
    key = connect_key(TOPIC, 0, 0)
    store.put(key, b'{"index":%b}\n' % written)
    with pytest.raises(PermanentFailure, match=r"a number that no double holds") as raised:
        land_topic(log, store, TOPIC)
    assert f"{key}, line 1: the broker does not hold this value at offset 0" in raised.value.what
    assert "move it away" in raised.value.action


@pytest.mark.parametrize(
    ("changed", "line", "offset"),
    [(b'{"index":99}', 3, 2), (b'{"index": true}', 3, 2), (b'{"index": 3}\n{"index": 2}', 4, 4)],
)
def test_a_value_that_is_not_in_the_log_in_order_is_named_with_its_line_and_offset(store, changed, line, offset):
    key = connect_key(TOPIC, 0, 0)
    store.put(key, value(0) + b"\n" + value(1) + b"\n" + changed + b"\n" + value(4))
    with pytest.raises(PermanentFailure) as raised:
        land_topic(topic_with(10), store, TOPIC)
    assert f"{key}, line {line}: the broker does not hold this value at offset {offset} " in raised.value.what
    assert not adopted(store)


def test_an_object_with_as_many_lines_as_offsets_is_verified_without_the_broker(store):
    write(store, 0, 3)
    write(store, 3, 2)
    write(store, 6, 2)
    progress: list[str] = []
    result = land_topic(NoBroker(), store, TOPIC, CONNECT, progress.append)
    assert (result.unverified, result.partitions[0].gaps) == (2, 1)
    (manifest,) = [store.metadata(stored.key) for stored in store.list("adopted/")]
    assert manifest and manifest["unverified"] == "2"
    assert sum("not verified" in line for line in progress) == 2
    assert any("2 at unverified offsets" in line for line in progress)


def test_objects_of_one_record_are_verified_by_their_names(store):
    for offset in (0, 1, 4, 9):
        write(store, offset)
    progress: list[str] = []
    result = land_topic(NoBroker(), store, TOPIC, CONNECT, progress.append)
    assert (result.records, result.unverified, len(progress)) == (4, 0, 1)


def test_a_line_that_is_not_json_leaves_the_offsets_of_its_object_unverified(store):
    store.put(connect_key(TOPIC, 0, 0), b'{"a":\n1}\n')
    write(store, 2, 1)
    progress: list[str] = []
    land_topic(NoBroker(), store, TOPIC, CONNECT, progress.append)
    assert any("line 1 is not JSON, so a value may span lines" in line for line in progress)


def test_more_lines_than_offsets_are_refused(store):
    store.put(connect_key(TOPIC, 0, 0), b'{"a":\n1}\n{"a":2}\n')
    key = write(store, 2, 1)
    with pytest.raises(PermanentFailure, match=r"has 3 lines .*value spans lines") as raised:
        land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert key in str(raised.value)
    assert not adopted(store)


def test_a_broker_with_another_record_at_the_end_of_unverified_objects_is_refused(store):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, value(0), value(1), None, value(3), value(4), value(5))
    store.put(connect_key(TOPIC, 0, 0), b"".join(value(offset) + b"\n" for offset in (0, 1, 3, 4, 5)))
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    (key,) = [stored.key for stored in store.list("adopted/")]
    cleaned = TopicOptions(cleaned={f"{TOPIC}/0": 4})
    with pytest.raises(PermanentFailure, match=r"ends with another record than the broker's offset 4") as raised:
        land_topic(log, store, TOPIC, cleaned)
    assert key in str(raised.value) and "and the cleaned table of the topic too" in raised.value.action
    store.delete([key])
    without_table = TopicOptions(cleaned={})
    land_topic(log, store, TOPIC, without_table)
    assert landed(store, TOPIC) == expected(log, TOPIC)


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
        f"3 objects with keys or headers of records are not landed, such as topics/{TOPIC}/" in line
        for line in progress
    )
    assert reconcile(None, store, TOPIC)[0].is_complete


def test_a_source_that_was_written_again_after_it_was_adopted_is_named(store):
    write(store, 0, 3)
    key = write(store, 3, 2)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    write(store, 3, 4)
    write(store, 7, 1)
    with pytest.raises(PermanentFailure, match="was written again after it was adopted") as raised:
        land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert key in raised.value.what
    assert len(adopted(store)) == 1, "nothing is adopted after it"
    assert key in reconcile(None, store, TOPIC)[0].problems[0]


def test_new_lines_after_the_chain_can_be_put_back_as_the_failure_describes(store):
    key = write(store, 0, 3)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    write(store, 0, 5)
    write(store, 5, 1)
    with pytest.raises(PermanentFailure, match="put those after offset 2 back as an object that is named"):
        land_topic(NoBroker(), store, TOPIC, CONNECT)
    store.delete([key])
    write(store, 3, 2)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert [(line["_offset"], line["index"]) for line in lines(store)] == [(n, n) for n in range(6)]
    assert audit(None, store, TOPIC)[0].is_complete


def test_new_lines_at_offsets_that_were_adopted_as_gaps_can_be_posted_again_as_the_failure_describes(store):
    key = write(store, 0, 3)
    write(store, 5, 1)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    write(store, 0, 5)
    with pytest.raises(PermanentFailure, match=r"those after offset 5 back .* and post the others to the topic again"):
        land_topic(NoBroker(), store, TOPIC, CONNECT)
    store.delete([key])
    store.put(connect_key(TOPIC, 0, 6), value(3) + b"\n" + value(4) + b"\n")
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert [line["index"] for line in lines(store)] == [0, 1, 2, 5, 3, 4]
    assert audit(None, store, TOPIC)[0].is_complete


def test_a_source_of_equal_size_and_other_content_is_named(store):
    key = write(store, 0, 3)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    store.put(key, store.read(key).replace(b"2", b"3"))
    with pytest.raises(PermanentFailure, match="was written again"):
        land_topic(NoBroker(), store, TOPIC, CONNECT)


def test_the_records_of_the_broker_are_landed_before_a_changed_source_is_named(store):
    key = write(store, 0, 3)
    log = topic_with(3)
    land_topic(log, store, TOPIC)
    write(store, 0, 4)
    log.append(TOPIC, 0, value(3), value(4))
    with pytest.raises(PermanentFailure, match="was written again") as raised:
        land_topic(log, store, TOPIC)
    assert key in raised.value.what
    assert landed(store, TOPIC) == expected(log, TOPIC)


def test_a_source_that_was_written_again_without_a_change_is_no_problem(store):
    key = write(store, 0, 3)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    store.put(key, store.read(key))
    assert land_topic(NoBroker(), store, TOPIC, CONNECT).objects == 0
    assert reconcile(None, store, TOPIC)[0].is_complete


def test_the_digest_of_many_sources_fits_into_the_metadata(store):
    for offset in range(2000):
        write(store, offset)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    (manifest,) = [store.metadata(stored.key) for stored in store.list("adopted/")]
    assert manifest and sum(len(name) + len(text) for name, text in manifest.items()) < 1024
