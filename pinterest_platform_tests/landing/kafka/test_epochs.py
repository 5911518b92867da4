"""Topics that were deleted or recreated, on fakes."""

import pytest

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kafka.ledger import audit
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeTopicLog
from pinterest_platform_tests.faults import FaultyStore
from pinterest_platform_tests.landing.kafka.invariants import connect_key, landed
from pinterest_platform_tests.landing.kafka.topics import TOPIC, rows
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic


def test_a_recreated_topic_is_an_error_with_both_ids_and_nothing_is_landed(log, store):
    log.append(TOPIC, 0, *rows(3))
    old = land_topic(log, store, TOPIC).topic_id
    log.delete(TOPIC)
    log.create(TOPIC)
    log.append(TOPIC, 0, *rows(5))
    with pytest.raises(PermanentFailure, match=f"{old}.*{log.topic_id(TOPIC)}"):
        land_topic(log, store, TOPIC)
    assert len(store.objects) == 1


def test_a_recreated_topic_is_landed_next_to_the_old_one_by_option(log, store):
    log.append(TOPIC, 0, *rows(3))
    land_topic(log, store, TOPIC)
    log.delete(TOPIC)
    log.create(TOPIC)
    log.append(TOPIC, 0, *rows(5), b"junk")
    result = land_topic(log, store, TOPIC, TopicOptions(new_epoch="land"))
    epoch = log.topic_id(TOPIC)
    assert (result.epoch, result.records, result.partitions[0].app_id) == (epoch, 5, f"{TOPIC}/epoch={epoch}/0")
    assert sorted(landed(store, TOPIC, epoch)[0]) == list(range(6)) and sorted(landed(store, TOPIC)[0]) == [0, 1, 2]
    assert land_topic(log, store, TOPIC, TopicOptions(new_epoch="land")).objects == 0
    ledgers = audit(log, store, TOPIC)
    assert [(ledger.app_id, ledger.records, ledger.broker_end, ledger.is_complete) for ledger in ledgers] == [
        (f"{TOPIC}/0", 3, None, True),
        (f"{TOPIC}/epoch={epoch}/0", 5, 6, True),
    ]
    assert [entry.position for entry in quarantined_of_topic(store, TOPIC)] == [5]


def test_an_object_of_a_sink_in_the_folder_of_a_recreated_topic_is_named(log, store):
    log.append(TOPIC, 0, *rows(3))
    land_topic(log, store, TOPIC)
    stray = connect_key(TOPIC, 0, 0).replace("partition=", "epoch=x/partition=")
    store.put(stray, b'{"index":1}\n')
    problems = [problem for ledger in audit(log, store, TOPIC) for problem in ledger.problems]
    assert any(stray in problem and "is not landed" in problem for problem in problems)


def test_a_third_epoch_is_distinguished_from_the_second(log, store):
    for count in (1, 2, 3):
        log.append(TOPIC, 0, *rows(count))
        land_topic(log, store, TOPIC, TopicOptions(new_epoch="land"))
        epoch = log.topic_id(TOPIC)
        log.create(TOPIC)
    assert sorted(landed(store, TOPIC, epoch)[0]) == [0, 1, 2]


@pytest.mark.parametrize("moment", range(4))
def test_a_topic_recreated_while_it_is_read_lands_none_of_its_new_records(log, store, moment):
    log.append(TOPIC, 0, *rows(12, 100))
    batches = iter(range(99))

    def remake() -> None:
        if next(batches) == moment:
            log.create(TOPIC)
            log.append(TOPIC, 0, *[b'{"new":1}'] * 12)

    log.on_batch = remake
    with pytest.raises(TransientFailure, match="recreated"):
        land_topic(log, store, TOPIC, TopicOptions(object_bytes=600))
    assert not any(b'"new"' in stored.body for stored in store.objects.values())
    assert all(stored.metadata["topic-id"] != log.topic_id(TOPIC) for stored in store.objects.values())


def test_a_topic_recreated_and_landed_by_another_run_is_a_transient_failure(log, store):
    log.append(TOPIC, 0, *rows(3))
    calls: list[int] = []

    def remake(name: str, key: str) -> None:
        if not calls:
            calls.append(1)
            log.create(TOPIC)
            log.append(TOPIC, 0, *rows(5))
            land_topic(log, store, TOPIC)

    with pytest.raises(TransientFailure, match="recreated while"):
        land_topic(log, FaultyStore(store, before=remake), TOPIC)
    assert land_topic(log, store, TOPIC).objects == 0


def test_a_topic_deleted_while_it_is_read_is_a_failure(log, store):
    log.append(TOPIC, 0, *rows(3))
    log.on_batch = lambda: log.delete(TOPIC)
    with pytest.raises(PermanentFailure, match="no topic"):
        land_topic(log, store, TOPIC)
    assert not store.objects


def test_later_landings_continue_the_new_epoch_without_the_option(log, store):
    log.append(TOPIC, 0, *rows(1))
    land_topic(log, store, TOPIC)
    log.create(TOPIC)
    log.append(TOPIC, 0, *rows(2))
    land_topic(log, store, TOPIC, TopicOptions(new_epoch="land"))
    log.append(TOPIC, 0, *rows(3))
    result = land_topic(log, store, TOPIC)
    assert (result.epoch, result.records) == (log.topic_id(TOPIC), 3)
    log.create(TOPIC)
    with pytest.raises(PermanentFailure, match="recreated"):
        land_topic(log, store, TOPIC)


def test_a_recreated_topic_is_detected_even_if_its_only_chain_is_unreadable(store):
    log = FakeTopicLog()
    log.create(TOPIC, partitions=2)
    log.append(TOPIC, 0, *rows(6))
    land_topic(log, store, TOPIC)
    store.put(connect_key(TOPIC, 0, 3), b'{"index":3}\n')
    log.create(TOPIC, partitions=2)
    log.append(TOPIC, 1, *rows(2))
    with pytest.raises(PermanentFailure, match=r"recreated.*cover the same offsets"):
        land_topic(log, store, TOPIC)
    assert not list(store.list(f"topics/{TOPIC}/partition=1/"))
