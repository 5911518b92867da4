"""The end of a drain, and the turns of its pipelines."""

from collections.abc import Mapping
from typing import Any

import pytest

from pinterest_platform.catalog import GEO, PIN, USER, Entity, Route
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.landing.size import LandedSize
from pinterest_platform.pipelines.drain import (
    FEW_RECORDS,
    RETRY_PAUSE_SECONDS,
    Drain,
    DrainLimits,
    DrainResult,
    RoundRobin,
)
from pinterest_platform.pipelines.totals import Totals
from pinterest_platform.ports import TableFacts


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def drain(rounds: list[int], limits: DrainLimits, seconds_each: float = 0.0) -> tuple[DrainResult, float, list[str]]:
    clock, lines, remaining = Clock(), list[str](), iter(rounds)

    def run_round() -> int:
        clock.now += seconds_each
        return next(remaining, 0)

    result = Drain(run_round, limits, lines.append, clock=clock, sleep=clock.sleep).run()
    return result, clock.now, lines


def test_it_ends_if_no_record_arrives_for_the_idle_time() -> None:
    result, now, _ = drain([5, 0, 3], DrainLimits(idle=2, longest=100, pause=0.5))
    assert result.records == 8
    assert "no record arrived for 2 s" in result.reason
    assert now >= 2


def test_a_busy_route_ends_after_the_longest_time() -> None:
    result, now, _ = drain([1] * 1000, DrainLimits(idle=2, longest=10), seconds_each=1)
    assert now == 10
    assert "longest time" in result.reason
    assert result.records == 10


def test_it_does_not_pause_while_records_arrive() -> None:
    result, now, _ = drain([1] * 50, DrainLimits(idle=0, longest=100, pause=1))
    assert result.records == 50
    assert now == 0


def test_after_a_round_of_few_records_the_next_one_waits_until_the_time_to_fill_is_over() -> None:
    starts, clock, records = list[float](), Clock(), iter([1, FEW_RECORDS - 1, 0, 1])

    def run_round() -> int:
        starts.append(clock.now)
        clock.now += 0.125
        return next(records, 0)

    limits = DrainLimits(idle=1, longest=100, pause=0.25, fill=0.5)
    Drain(run_round, limits, lambda _: None, clock=clock, sleep=clock.sleep).run()
    # After a round without records, the next one begins after the usual pause.
    assert starts[:5] == [0, 0.5, 1, 1.375, 1.875]


def test_a_round_that_lasted_as_long_as_the_time_to_fill_is_followed_at_once() -> None:
    _, now, _ = drain([1] * 10, DrainLimits(idle=0, longest=100, fill=0.5), seconds_each=2)
    assert now == 22


def test_a_backlog_does_not_wait_for_objects_to_fill() -> None:
    _, now, _ = drain([FEW_RECORDS] * 50, DrainLimits(idle=0, longest=100, fill=0.5))
    assert now == 0


def test_an_idle_time_of_zero_ends_with_the_first_round_without_records() -> None:
    result, _, _ = drain([], DrainLimits(idle=0, longest=100))
    assert result.rounds == 1


def test_progress_is_logged_periodically() -> None:
    _, _, lines = drain([1] * 60, DrainLimits(idle=1, longest=60, log_every=15), seconds_each=1)
    assert len(lines) == 4


def test_intermediate_results_are_reported_periodically_and_never_of_an_idle_route() -> None:
    clock, reports, records = Clock(), list[float](), iter([1] * 200)

    def run_round() -> int:
        clock.now += 1
        return next(records, 0)

    limits = DrainLimits(idle=300, longest=1000, report_every=60)
    Drain(run_round, limits, lambda _: None, lambda: reports.append(clock.now), clock=clock, sleep=clock.sleep).run()
    assert reports[:3] == [60, 120, 180]
    assert len(reports) == 4, "the last records are reported, then nothing more"


class ScriptedPipeline:
    """A pipeline whose batches follow a script; a failure in it is raised."""

    def __init__(self, entity: Entity, *script: int | PlatformFailure) -> None:
        self.entity, self.route, self.stream = entity, Route.KAFKA, f"u.{entity.name}"
        self.totals = Totals()
        self.positions: Mapping[str, int] = {}
        self.script = list(script)
        # A permanent failure is one of the stream, unless a test sets another script of landing alone.
        self.landing_script: list[object] = [step for step in script if isinstance(step, PermanentFailure)]
        self.batches = self.landings = 0

    def run_batch(self) -> int:
        self.batches += 1
        outcome = self.script.pop(0) if self.script else 0
        if isinstance(outcome, PlatformFailure):
            raise outcome
        self.totals.objects += outcome
        return outcome

    def land_batch(self) -> int:
        self.landings += 1
        outcome = self.landing_script.pop(0) if self.landing_script else 0
        if isinstance(outcome, PlatformFailure):
            raise outcome
        assert isinstance(outcome, int)
        self.totals.objects += outcome
        return outcome

    def rows(self, limit: int) -> list[dict[str, Any]]:
        return []

    def landed_size(self) -> LandedSize:
        return LandedSize()

    def facts(self) -> TableFacts | None:
        return None


RECREATED = PermanentFailure("u.pin was recreated.", "Decide.")
UNSOUND = PermanentFailure("cleaned/pin, version 3: check unique_key failed: 2 rows.", "Rebuild it.")
SILENCE = TransientFailure("The broker is silent.", "Wait.")


def test_a_pipeline_that_fails_does_not_stop_the_others() -> None:
    lines = list[str]()
    pin, geo, user = ScriptedPipeline(PIN, 1, RECREATED), ScriptedPipeline(GEO, 1, 1, 1, 1), ScriptedPipeline(USER)
    rounds, clock = RoundRobin([pin, geo, user], lines.append), Clock()
    limits = DrainLimits(idle=2, longest=100)
    result = Drain(rounds.run_round, limits, lines.append, clock=clock, sleep=clock.sleep).run()
    assert result.records == 5
    assert "no record arrived for 2 s" in result.reason
    assert (pin.batches, geo.script) == (2, [])
    assert rounds.failed == (PIN,)
    # A failed stream whose table cannot be read must not hide the others, so they come first.
    assert [pipeline.entity for pipeline in rounds.with_results()] == [GEO, USER, PIN]
    assert any("u.pin failed, the other streams continue: u.pin was recreated." in line for line in lines)
    with pytest.raises(PermanentFailure, match="was recreated"):
        rounds.raise_failures()


def test_a_stream_whose_table_failed_is_landed_to_the_end_of_the_drain() -> None:
    pin, clock, lines = ScriptedPipeline(PIN, 1, UNSOUND), Clock(), list[str]()
    pin.landing_script = [2, SILENCE, 3]
    rounds = RoundRobin([pin], lines.append, clock)
    limits = DrainLimits(idle=RETRY_PAUSE_SECONDS + 2, longest=100)
    result = Drain(rounds.run_round, limits, lines.append, clock=clock, sleep=clock.sleep).run()
    assert (result.records, pin.batches) == (6, 2)
    assert "no record arrived" in result.reason
    assert rounds.failed == (PIN,)
    with pytest.raises(PermanentFailure, match="unique_key failed"):
        rounds.raise_failures()


def test_a_failure_of_landing_after_one_of_the_table_is_raised_with_it() -> None:
    pin, clock = ScriptedPipeline(PIN, UNSOUND), Clock()
    pin.landing_script = [RECREATED]
    rounds = RoundRobin([pin, ScriptedPipeline(GEO)], lambda _: None, clock)
    assert [rounds.run_round() for _ in range(3)] == [0, 0, 0]
    assert pin.landings == 1
    with pytest.raises(PermanentFailure, match=r"unique_key failed.*was recreated"):
        rounds.raise_failures()


def test_a_pipeline_that_failed_before_its_first_record_has_no_result() -> None:
    rounds = RoundRobin([ScriptedPipeline(PIN, RECREATED), ScriptedPipeline(GEO)], lambda _: None)
    rounds.run_round()
    assert [pipeline.entity for pipeline in rounds.with_results()] == [GEO]


def test_it_ends_at_once_if_every_pipeline_failed_and_raises_all_failures() -> None:
    pipelines = [ScriptedPipeline(PIN, RECREATED), ScriptedPipeline(GEO, 3, SILENCE)]
    rounds, clock = RoundRobin(pipelines, lambda _: None), Clock()
    limits = DrainLimits(idle=600, longest=1000)
    result = Drain(rounds.run_round, limits, lambda _: None, clock=clock, sleep=clock.sleep).run()
    assert (result.rounds, result.records, clock.now) == (2, 3, 0)
    # A later run can succeed for one of them, so the joined failure is transient.
    with pytest.raises(TransientFailure, match=r"was recreated\. The broker is silent\. Decide\. Wait\."):
        rounds.raise_failures()


def test_a_transient_failure_is_retried_after_a_rest_while_the_others_continue() -> None:
    pin, geo, clock = ScriptedPipeline(PIN, SILENCE, 1), ScriptedPipeline(GEO, *[1] * 100), Clock()
    rounds = RoundRobin([pin, geo], lambda _: None, clock)
    assert (rounds.run_round(), rounds.failed) == (1, (PIN,))
    clock.sleep(RETRY_PAUSE_SECONDS - 1)
    assert (rounds.run_round(), pin.batches) == (1, 1)
    clock.sleep(1)
    assert (rounds.run_round(), rounds.failed) == (2, ())
    rounds.raise_failures()


def test_only_pipelines_with_new_records_have_changed() -> None:
    pin, geo = ScriptedPipeline(PIN, 1, 0, 1), ScriptedPipeline(GEO, 1, 1)
    rounds = RoundRobin([pin, geo, ScriptedPipeline(USER)], lambda _: None)
    changed = [(rounds.run_round(), [pipeline.entity for pipeline in rounds.changed()]) for _ in range(4)]
    assert changed == [(2, [PIN, GEO]), (1, [GEO]), (1, [PIN]), (0, [])]
