"""The sensors' decision, as a table; and what waits in the streams of the Kinesis route."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from pinterest_platform.catalog import ENTITIES, GEO, PIN, USER
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.orchestration.draining.decision import LONGEST_WAIT_SECONDS, Decision, DrainRun, decide
from pinterest_platform.pipelines.backlog import Pending, RouteBacklog, kafka_backlog, kinesis_backlog, kinesis_lag_ms
from pinterest_platform.ports import StoredObject
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

NOW = 1_000_000.0
SOME, NONE, UNCLEANED = {"u.pin": Pending(3, 0)}, {"u.pin": Pending(0, 0)}, {"u.pin": Pending(0, 2)}
LIVE, LOST = DrainRun("a", live=True), DrainRun("b", live=True, worker_lost=True)


def failed(seconds_ago: float) -> DrainRun:
    return DrainRun("f", live=False, failed=True, ended=NOW - seconds_ago)


def succeeded(seconds_ago: float) -> DrainRun:
    return DrainRun("s", live=False, ended=NOW - seconds_ago)


@pytest.mark.parametrize(
    ("waiting", "runs", "request_it", "why"),
    [
        (SOME, [], True, "u.pin: 3 records"),
        (UNCLEANED, [], True, "2 objects"),
        (NONE, [], False, "to its end"),
        ({}, [], False, "to its end"),
        (SOME, [LIVE], False, "run a is at work"),
        (NONE, [LIVE], False, "run a is at work"),
        (SOME, [LOST], True, "3 records"),
        (SOME, [LOST, LIVE], False, "run a is at work"),
        (SOME, [succeeded(1)], True, "3 records"),
        (SOME, [failed(1)], False, "in 14 s"),
        (SOME, [failed(16)], True, "3 records"),
        (SOME, [failed(16), failed(60)], False, "in 14 s"),
        (SOME, [failed(16), succeeded(60), failed(90)], True, "3 records"),
        (SOME, [failed(LONGEST_WAIT_SECONDS + 1)] * 30, True, "3 records"),
        (NONE, [failed(1)], False, "to its end"),
    ],
)
def test_a_run_is_requested_when_something_waits_and_nobody_works(
    waiting: dict[str, Pending], runs: list[DrainRun], request_it: bool, why: str
) -> None:
    decision = decide(waiting, runs, NOW)
    assert decision.request is request_it
    assert why in decision.reason


def test_a_run_on_another_host_is_told_with_the_host() -> None:
    assert decide(SOME, [DrainRun("a", live=True, host="mill")], NOW).reason == (
        "run a is at work on this route, on mill"
    )


def test_runs_whose_worker_died_are_named_whatever_is_decided() -> None:
    assert decide(NONE, [LOST], NOW) == Decision(False, "every stream is landed and cleaned to its end", ("b",))
    assert decide(SOME, [LOST, LIVE], NOW).orphans == ("b",)


ROW = b'{"ind":1}'
QUIET, LANDING, CLEANING = Pending(0, 0), Pending(1, 0), Pending(0, 1)


class Kinesis(Surroundings):
    """The Kinesis route of the user entity, in memory."""

    def put(self, shard: int = 0) -> None:
        self.shards.put(STREAM, shard, ROW)

    def land(self) -> None:
        land_stream(self.shards, self.objects, STREAM)

    def clean(self) -> None:
        uri = self.settings.names.cleaned_stream_uri(USER)
        self.lake.taken[uri] = positions_after(pending_segments(self.objects, STREAM, {}))

    def move(self) -> None:
        self.land()
        self.clean()

    def waiting(self) -> Pending:
        return self.backlog().waiting[USER]

    def backlog(self) -> RouteBacklog:
        return kinesis_backlog(self.settings, self.shards, self.objects, self.lake)

    def lag_ms(self) -> int:
        told = kinesis_lag_ms(USER, self.settings, self.shards, self.objects, self.lake)
        assert told == self.waiting().lag_ms
        return told

    def writes(self) -> int:
        return sum(call in ("put", "put_if_absent", "delete") for call, _ in self.objects.calls)


def nothing_ever_came(route: Kinesis) -> None:
    route.land()


def a_record_waits(route: Kinesis) -> None:
    route.move()
    route.put()


def a_record_was_landed(route: Kinesis) -> None:
    route.put()
    route.land()


def a_record_was_landed_and_another_waits(route: Kinesis) -> None:
    route.put()
    route.land()
    route.put()


def all_was_taken(route: Kinesis) -> None:
    route.put()
    route.move()


def a_shard_was_closed(route: Kinesis) -> None:
    route.put()
    route.move()
    route.shards.split(STREAM, 0)


def a_closed_shard_was_drained(route: Kinesis) -> None:
    a_shard_was_closed(route)
    route.move()


def a_child_has_records(route: Kinesis) -> None:
    a_closed_shard_was_drained(route)
    route.put(2)


def shards_were_merged(route: Kinesis) -> None:
    a_closed_shard_was_drained(route)
    route.shards.merge(STREAM, 1, 2)


def merged_shards_were_drained(route: Kinesis) -> None:
    shards_were_merged(route)
    route.move()


def it_was_idle_for_an_hour(route: Kinesis) -> None:
    all_was_taken(route)
    route.shards.advance(1)


def it_was_idle_for_long(route: Kinesis) -> None:
    """Somebody has to look at it, lest its silence be taken for a loss one day."""
    all_was_taken(route)
    route.shards.advance(7)


def it_was_idle_for_long_and_looked_at(route: Kinesis) -> None:
    it_was_idle_for_long(route)
    route.move()


def retention_took_what_waited(route: Kinesis) -> None:
    """A run has to say so."""
    a_record_waits(route)
    route.shards.advance(25)


def a_shard_vanished_before_its_end_was_landed(route: Kinesis) -> None:
    """A run has to say so."""
    a_shard_was_closed(route)
    route.shards.advance(25)


def a_new_epoch_is_landed_beside(route: Kinesis) -> None:
    all_was_taken(route)
    route.shards.delete(STREAM)
    route.shards.create(STREAM)
    route.put()
    route.settings = route.settings.model_copy(update={"new_epoch": "land"})


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (nothing_ever_came, QUIET),
        (a_record_waits, LANDING),
        (a_record_was_landed, CLEANING),
        (a_record_was_landed_and_another_waits, Pending(1, 1)),
        (all_was_taken, QUIET),
        (a_shard_was_closed, LANDING),
        (a_closed_shard_was_drained, QUIET),
        (a_child_has_records, LANDING),
        (shards_were_merged, LANDING),
        (merged_shards_were_drained, QUIET),
        (it_was_idle_for_an_hour, QUIET),
        (it_was_idle_for_long, LANDING),
        (it_was_idle_for_long_and_looked_at, QUIET),
        (retention_took_what_waited, LANDING),
        (a_shard_vanished_before_its_end_was_landed, LANDING),
        (a_new_epoch_is_landed_beside, LANDING),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_waits_in_a_stream(situation: Callable[[Kinesis], None], expected: Pending) -> None:
    route = Kinesis()
    situation(route)
    writes = route.writes()
    assert route.waiting() == expected
    assert route.writes() == writes


def test_a_stream_made_anew_or_missing_or_silent_is_never_an_empty_one() -> None:
    route = Kinesis()
    all_was_taken(route)
    route.shards.delete(STREAM)
    for problem in (f"no stream {STREAM}", "made anew"):
        found = route.backlog()
        assert found.unknown.keys() == {USER}
        assert isinstance(found.unknown[USER], PermanentFailure)
        assert problem in str(found.unknown[USER])
        route.shards.create(STREAM)
    route.shards.down = True
    with pytest.raises(TransientFailure):
        route.waiting()


def test_a_look_at_a_stream_and_the_begin_of_a_drain_cost_no_more_when_much_was_landed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module("pinterest_platform.landing.kinesis.stream"), "_OBJECTS_A_SIGHTING", 10)
    route, resume, seen = Kinesis(), None, list[str]()
    for _ in range(200):
        route.put()
        resume = land_stream(route.shards, route.objects, STREAM, resume=resume).resume
    route.clean()
    route.put()
    listing = route.objects.list

    def told(prefix: str, after: str = "") -> Iterator[StoredObject]:
        for found in listing(prefix, after):
            seen.append(found.key)
            yield found

    monkeypatch.setattr(route.objects, "list", told)
    assert route.waiting() == LANDING
    hints = land_stream(route.shards, route.objects, STREAM).resume.hints
    positions = route.lake.taken[route.settings.names.cleaned_stream_uri(USER)]
    [left] = pending_segments(route.objects, STREAM, positions, hints=hints)
    assert left.end == 200
    assert len(seen) < 60
    [begun] = hints.values()
    [key] = {key for key in seen if f"{begun:0129d}" in key}
    route.objects.delete([key])
    assert route.waiting() == Pending(0, 1), "what a listing began with may be gone"


def test_one_topic_that_cannot_be_looked_at_hides_none_of_the_others() -> None:
    around = Surroundings()
    around.topics.delete("u.pin")
    around.topics.append(TOPIC, 0, ROW, ROW)
    found = kafka_backlog(around.settings, around.topics, around.objects, around.lake)
    assert found.waiting == {GEO: QUIET, USER: Pending(2, 0)}
    assert "no topic u.pin" in str(found.unknown[PIN])


def test_where_nothing_can_be_looked_at_all_reasons_are_raised_as_one() -> None:
    around = Surroundings()
    for entity in ENTITIES:
        around.shards.delete(f"streaming-u-{entity.name}")
    with pytest.raises(PermanentFailure) as failure:
        kinesis_backlog(around.settings, around.shards, around.objects, around.lake)
    assert all(f"no stream streaming-u-{entity.name}" in str(failure.value) for entity in ENTITIES)


def test_the_lag_is_the_age_of_the_oldest_record_that_the_table_lacks_be_it_landed_or_not() -> None:
    route = Kinesis()
    all_was_taken(route)
    assert route.lag_ms() == 0
    route.put()
    route.shards.advance(1)
    route.put()
    assert route.lag_ms() == 3_600_000
    route.land()
    assert route.lag_ms() == 3_600_000, "landed is not cleaned"
    route.shards.advance(1)
    route.put()
    assert route.lag_ms() == 2 * 3_600_000
    route.clean()
    assert route.lag_ms() == 0, "what was put now has not waited yet"


@pytest.mark.parametrize(
    ("stuck", "request_it", "why"),
    [
        ({"u.pin"}, True, "u.geo: 1 records"),
        ({"u.pin", "u.geo"}, False, "in 14 s"),
        ({"u.user"}, True, "u.pin: 3 records"),
        (set(), False, "in 14 s"),
    ],
)
def test_streams_that_did_not_fail_do_not_wait_for_the_one_that_did(
    stuck: set[str], request_it: bool, why: str
) -> None:
    waiting = {"u.pin": Pending(3, 0), "u.geo": Pending(1, 0), "u.user": Pending(0, 0)}
    last = DrainRun("f", live=False, failed=True, ended=NOW - 1, stuck=frozenset(stuck))
    decision = decide(waiting, [last], NOW)
    assert decision.request is request_it
    assert why in decision.reason


def test_how_long_a_stream_waits_is_told_by_its_own_failures_not_by_those_of_the_one_that_is_stuck() -> None:
    waiting = {"u.pin": Pending(3, 0), "u.geo": Pending(1, 0)}
    stuck = DrainRun("f", live=False, failed=True, ended=NOW - 100, stuck=frozenset({"u.pin"}))
    assert "in 14 s" in decide(waiting, [failed(1), *[stuck] * 6], NOW).reason, "geo failed once"
    assert decide(waiting, [failed(16), *[stuck] * 6], NOW).request
    assert "in 584 s" in decide({"u.pin": Pending(3, 0)}, [failed(16), *[stuck] * 6], NOW).reason
