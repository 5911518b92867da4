"""Lost offsets of a topic, on fakes: named, or accepted as gaps."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import audit
from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeTopicLog
from pinterest_platform_tests.landing.kafka.invariants import expected, landed
from pinterest_platform_tests.landing.kafka.topics import TOPIC, keys, rows


def lose_offsets(log, store, appended, earliest):
    """Land three records, append more, and let the topic lose those before an offset."""
    log.append(TOPIC, 0, *rows(3))
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(appended))
    log.trim(TOPIC, 0, earliest)


def test_a_first_landing_starts_at_the_earliest_offset_and_reports_it(log, store):
    log.append(TOPIC, 0, *rows(6))
    log.trim(TOPIC, 0, 4)
    result = land_topic(log, store, TOPIC)
    assert keys(store) == [f"{TOPIC}+0+{0:019d}.json"] and result.partitions[0].first_start == 4
    assert landed(store, TOPIC) == expected(log, TOPIC)
    ledger = audit(log, store, TOPIC)[0]
    assert (ledger.first_start, ledger.records, ledger.unaccounted, ledger.is_complete) == (4, 2, 0, True)


def test_lost_offsets_are_an_error_after_the_other_partitions_are_landed(store):
    log = FakeTopicLog()
    log.create(TOPIC, partitions=2)
    log.append(TOPIC, 0, *rows(3))
    log.append(TOPIC, 1, *rows(3))
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(5))
    log.append(TOPIC, 1, *rows(5))
    log.trim(TOPIC, 0, 6)
    with pytest.raises(PermanentFailure, match=r"offsets 3 to 5 are lost.*u\.pin/0:3-5"):
        land_topic(log, store, TOPIC)
    assert sorted(landed(store, TOPIC)[1]) == list(range(8))
    assert sorted(landed(store, TOPIC)[0]) == [0, 1, 2]


def test_an_accepted_gap_is_landed_as_an_empty_object_before_later_records(log, store):
    lose_offsets(log, store, appended=5, earliest=6)
    result = land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(AcceptedGap(TOPIC, 0, 3, 5),)))
    assert (result.partitions[0].accepted_gaps, result.records) == (3, 2)
    assert sorted(landed(store, TOPIC)[0]) == [0, 1, 2, 6, 7]
    ledger = audit(log, store, TOPIC)[0]
    assert (ledger.accepted_gaps, ledger.is_complete) == (3, True)


def test_a_gap_accepted_beyond_the_lost_range_skips_no_record(log, store):
    lose_offsets(log, store, appended=5, earliest=6)
    land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(AcceptedGap(TOPIC, 0, 0, 100),)))
    assert sorted(landed(store, TOPIC)[0]) == [0, 1, 2, 6, 7]


@pytest.mark.parametrize(
    "gap", [AcceptedGap(TOPIC, 1, 3, 5), AcceptedGap("u.geo", 0, 3, 5), AcceptedGap(TOPIC, 0, 4, 5)]
)
def test_a_gap_accepted_elsewhere_has_no_effect(log, store, gap):
    lose_offsets(log, store, appended=5, earliest=6)
    with pytest.raises(PermanentFailure, match="offsets 3 to 5 are lost"):
        land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(gap,)))


def test_offsets_lost_after_an_accepted_gap_are_an_error(log, store):
    lose_offsets(log, store, appended=5, earliest=7)
    with pytest.raises(PermanentFailure, match="offsets 6 to 6 are lost"):
        land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(AcceptedGap(TOPIC, 0, 3, 5),)))


def test_an_accepted_gap_has_the_latest_time_of_its_predecessor(log, store):
    lose_offsets(log, store, appended=3, earliest=6)
    land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(AcceptedGap(TOPIC, 0, 3, 5),)))
    first, gap = [store.metadata(stored.key)["latest-ms"] for stored in store.list("topics/")]
    assert first == gap
