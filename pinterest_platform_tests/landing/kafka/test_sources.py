"""Objects of a sink that were written again after they were adopted (rules L15, L16)."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import audit, reconcile
from pinterest_platform.landing.kafka.topic import land_topic
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


def test_an_object_that_begins_in_an_adopted_range_and_goes_beyond_it_is_named(store):
    write(store, 0, 10)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    superfluous = write(store, 5, 10)
    write(store, 15, 1)
    with pytest.raises(PermanentFailure, match="begins in an adopted range") as raised:
        land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert superfluous in raised.value.what
    (problem,) = reconcile(None, store, TOPIC)[0].problems
    assert superfluous in problem
    store.delete([superfluous])
    write(store, 10, 5)
    land_topic(NoBroker(), store, TOPIC, CONNECT)
    assert [line["_offset"] for line in lines(store)] == list(range(16))
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
