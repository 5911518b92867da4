"""A cleaning run is planned over what manifests vouch for, not over what names suggest."""

import pytest

from pinterest_platform.entities import Entity
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing import (
    LandingOptions,
    StreamOptions,
    inventory,
    land_stream,
    land_topic,
    stream_inventory,
)
from pinterest_platform.planning import cleaning_plan, stream_cleaning_plan, verification_plan
from pinterest_platform.settings import Settings
from pinterest_platform_tests.fakes import FakeObjectStore, FakeShardLog, FakeTopicLog, FaultyStore

SETTINGS = Settings(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", PINTEREST_USER_ID="u", PINTEREST_BUCKET="bucket")
TOPIC, STREAM = SETTINGS.names.topic(Entity.PIN), SETTINGS.names.stream(Entity.PIN)
APP = f"{TOPIC}/0"


@pytest.fixture
def store() -> FakeObjectStore:
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[b'{"a":1}'] * 3)
    land_topic(log, store, TOPIC, LandingOptions(object_bytes=1))
    log.skip(TOPIC, 0, 2)
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, b'{"a":1}')
    land_topic(log, store, TOPIC)
    return store


def key(position: int) -> str:
    return f"topics/{TOPIC}/partition=0/{TOPIC}+0+{position:019d}.json"


def test_every_object_is_planned_with_its_records(store):
    plan = cleaning_plan(Entity.PIN, SETTINGS, store, {APP: 0}, "run", full_refresh=False)
    assert plan is not None
    assert [(len(batch.uris), batch.records, batch.positions) for batch in plan.batches] == [(3, 3, {APP: 5})]


@pytest.mark.parametrize("missing", [2, 3])
@pytest.mark.parametrize("positions", [None, {APP: 0}])
def test_an_object_missing_in_between_is_named_with_its_range(store, missing, positions):
    end = {2: 2, 3: 4}[missing]
    store.delete([key(missing)])
    with pytest.raises(PermanentFailure, match=f": {missing} to {end} stand in no object") as raised:
        cleaning_plan(Entity.PIN, SETTINGS, store, positions, "run", full_refresh=False)
    assert key(missing - 1) in str(raised.value)


def test_an_object_missing_behind_one_without_records_is_named(store):
    log = FakeTopicLog()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[b'{"a":1}'] * 7)
    log.topics[TOPIC].topic_id = store.objects[key(0)].metadata["topic-id"]
    land_topic(log, store, TOPIC)
    store.delete([key(5)])
    with pytest.raises(PermanentFailure, match="5 to 5 stand in no object"):
        cleaning_plan(Entity.PIN, SETTINGS, store, {APP: 2}, "run", full_refresh=False)


def test_a_verification_names_a_missing_object_too(store):
    store.delete([key(2)])
    with pytest.raises(PermanentFailure, match="2 to 2 stand in no object"):
        verification_plan(Entity.PIN, SETTINGS, store, {APP: 5})


def test_an_object_that_lost_its_metadata_is_named(store):
    store.put(key(1), store.read(key(1)), {})
    with pytest.raises(PermanentFailure, match="lacks the metadata"):
        cleaning_plan(Entity.PIN, SETTINGS, store, None, "run", full_refresh=False)


def test_an_object_that_goes_away_meanwhile_is_worth_another_try(store):
    found = inventory(store, TOPIC, {})

    def vanish(name: str, at: str) -> None:
        if (name, at) == ("metadata", key(1)):
            store.delete([key(1)])

    assert len(found) == 5
    with pytest.raises(TransientFailure, match="disappeared"):
        cleaning_plan(Entity.PIN, SETTINGS, FaultyStore(store, before=vanish), {}, "run", full_refresh=True)


def test_a_shards_objects_are_held_against_their_ordinals():
    log, store = FakeShardLog(), FakeObjectStore()
    log.create(STREAM)
    for _ in range(4):
        log.put(STREAM, 0, b'{"a":1}')
        land_stream(log, store, STREAM, StreamOptions())
    found = stream_inventory(store, STREAM, {})
    assert stream_cleaning_plan(Entity.PIN, SETTINGS, store, found, "run").batches[0].records == 4
    store.delete([found[1].key])
    with pytest.raises(PermanentFailure, match="1 to 1 stand in no object"):
        stream_cleaning_plan(Entity.PIN, SETTINGS, store, stream_inventory(store, STREAM, {}), "run")
