"""The offsets of a sink's lines, by the records of the broker and by the names of objects (rule L15)."""

import json

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import audit
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeTopicLog
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
    store.put(connect_key(TOPIC, 0, 0), b"".join(text + b"\n" for text in values[:12]))
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
    assert [line["_offset"] for line in lines(store)] == [0, 1, 2]


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


def test_values_that_repeat_at_the_earliest_offset_leave_the_offsets_of_their_object_unverified(store):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, value(0), value(1), None, value(3), value(4), value(4), value(4))
    log.trim(TOPIC, 0, 4)
    store.put(connect_key(TOPIC, 0, 0), b"".join(value(number) + b"\n" for number in (0, 1, 3, 4, 4, 4)))
    progress: list[str] = []
    assert land_topic(log, store, TOPIC, progress=progress.append).unverified == 5
    assert any("several ways" in line for line in progress)
    assert [line["index"] for line in lines(store)].count(4) >= 3, "a record can be landed again, and none is lost"


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
