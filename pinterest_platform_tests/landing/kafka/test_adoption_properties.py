"""Adoption compared with the log that the sink read, over random logs, sinks and retention (rule L15).

The expected offsets come only from the log: neither from the objects nor from the landing.
"""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import audit
from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform_tests.landing.kafka.invariants import connect_key, landed
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

TOPIC = "u.pin"
KINDS = st.sampled_from(["record", "record", "record", "spaced", "lines", "tombstone", "marker", "junk"])


@dataclass(frozen=True)
class Case:
    """A log, and a sink of it.

    Attributes:
        kinds: the kind of each offset.
        cuts: number of offsets of each of the sink's objects.
        earliest: the first offset that retention has not deleted.
        raw: True if the sink writes bytes (ByteArrayFormat), False if it writes JSON again (JsonFormat).
        object_bytes: the size limit of landed objects.
    """

    kinds: list[str]
    cuts: list[int]
    earliest: int
    raw: bool
    object_bytes: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kinds = draw(st.lists(KINDS, min_size=1, max_size=24))
    cuts = draw(st.lists(st.integers(1, 8), max_size=6))
    return Case(
        kinds, cuts, draw(st.integers(0, len(kinds))), draw(st.booleans()), draw(st.sampled_from([60, 200, 10**6]))
    )


def value(kind: str, offset: int) -> bytes | None:
    record = {"index": offset, "b": {"z": 1.5, "a": [True]}}
    return {
        "record": json.dumps(record, separators=(",", ":")).encode(),
        "spaced": json.dumps(record).encode(),
        "lines": json.dumps(record, indent=1).encode(),
        "tombstone": None,
        "junk": b"junk %d" % offset,
    }[kind]


def make_log(case: Case) -> FakeTopicLog:
    log = FakeTopicLog()
    log.create(TOPIC)
    for offset, kind in enumerate(case.kinds):
        if kind == "marker":
            log.skip(TOPIC, 0)
        else:
            log.append(TOPIC, 0, value(kind, offset))
    log.trim(TOPIC, 0, case.earliest)
    return log


def sink_line(case: Case, offset: int) -> bytes | None:
    """Return the line that the sink writes for an offset, None if it skips it."""
    kind = case.kinds[offset]
    if kind in ("marker", "tombstone") or (kind == "junk" and not case.raw):
        return None
    posted = value(kind, offset) or b""
    return posted if case.raw else json.dumps(json.loads(posted), sort_keys=True).encode()


def write_objects(case: Case, store: FakeObjectStore) -> list[int]:
    """Write the sink's objects, each named after its first record; return the offsets in them."""
    written_offsets: list[int] = []
    first = 0
    for count in case.cuts:
        span = range(first, min(first + count, len(case.kinds)))
        offsets = [offset for offset in span if sink_line(case, offset) is not None]
        first += count
        if offsets:
            body = b"".join((sink_line(case, offset) or b"") + b"\n" for offset in offsets)
            store.put(connect_key(TOPIC, 0, offsets[0]), body)
            written_offsets += offsets
    return written_offsets


def landed_indexes(store: FakeObjectStore) -> list[tuple[int, int]]:
    """Return the offset and the index of each landed record."""
    records = [
        json.loads(line)
        for root in ("topics/", "adopted/")
        for stored in store.list(f"{root}{TOPIC}/")
        if "lander" in (store.metadata(stored.key) or {})
        for line in store.read(stored.key).splitlines()
    ]
    return sorted((record["_offset"], record["index"]) for record in records)


def quarantined(store: FakeObjectStore) -> list[tuple[int, bytes | None]]:
    return [(entry.position, entry.value) for entry in quarantined_of_topic(store, TOPIC)]


@given(cases())
@settings(max_examples=300, deadline=None)
def test_every_offset_that_the_log_holds_is_landed_once_with_its_own_value(case: Case) -> None:
    log, store = make_log(case), FakeObjectStore()
    written_offsets = write_objects(case, store)
    gap = AcceptedGap(TOPIC, 0, 0, len(case.kinds))
    options = TopicOptions(case.object_bytes, accept_gaps=(gap,))
    try:
        result = land_topic(log, store, TOPIC, options)
    except PermanentFailure:
        # Only an object that begins before the log does can be refused: its values may span lines.
        assert case.raw and "lines" in [case.kinds[offset] for offset in written_offsets if offset < case.earliest]
        with pytest.raises(PermanentFailure, match="spans lines"):
            land_topic(log, store, TOPIC, options)
        return
    outcomes = landed(store, TOPIC).get(0, {})
    retained = range(case.earliest, len(case.kinds))
    rejected = {"junk": "quarantine", "tombstone": "quarantine"}
    assert {offset: kind for offset, kind in outcomes.items() if offset in retained} == {
        offset: rejected.get(case.kinds[offset], "record") for offset in retained if case.kinds[offset] != "marker"
    }
    indexes = landed_indexes(store)
    assert [pair for pair in indexes if pair[0] in retained] == [
        (offset, offset) for offset in retained if case.kinds[offset] in ("record", "spaced", "lines")
    ]
    assert [entry for entry in quarantined(store) if entry[0] in retained] == [
        (offset, value(case.kinds[offset], offset)) for offset in retained if case.kinds[offset] in rejected
    ]
    if not (case.raw and "lines" in case.kinds):
        unheld = [offset for offset in written_offsets if offset < case.earliest and case.kinds[offset] != "junk"]
        assert [index for _, index in indexes if index < case.earliest] == unheld, "a value is lost, or landed twice"
    if not result.unverified:
        assert all(offset == index for offset, index in indexes)
    assert audit(log, store, TOPIC)[0].is_complete
    assert land_topic(log, store, TOPIC).objects == 0


@given(cases())
@settings(max_examples=150, deadline=None)
def test_offsets_that_are_not_marked_as_unverified_are_those_of_the_log(case: Case) -> None:
    log, store = make_log(case), FakeObjectStore()
    written_offsets = write_objects(case, store)
    if case.raw and "lines" in case.kinds:
        return
    result = land_topic(log, store, TOPIC, TopicOptions(case.object_bytes, landed_by_connect=True))
    indexes = landed_indexes(store)
    assert [index for _, index in indexes] == [offset for offset in written_offsets if case.kinds[offset] != "junk"]
    if not result.unverified:
        assert all(offset == index for offset, index in indexes)


@pytest.mark.parametrize("changed", range(6))
def test_one_changed_value_is_refused_while_the_log_holds_it(changed: int) -> None:
    case = Case(["record"] * 8, [3, 3], 0, raw=False, object_bytes=10**6)
    log, store = make_log(case), FakeObjectStore()
    write_objects(case, store)
    key = connect_key(TOPIC, 0, changed // 3 * 3)
    store.put(key, store.read(key).replace(b'"index": %d' % changed, b'"index": 77'))
    with pytest.raises(PermanentFailure, match=f"line {changed % 3 + 1}.* at offset {changed} or"):
        land_topic(log, store, TOPIC)
