"""When a drain goes on, and when it ends."""

import pytest

from pinterest_platform.catalog import GEO, PIN, USER, Entity
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.pipelines.drain import REST_SECONDS, Drain, DrainLimits, DrainResult, RoundRobin
from pinterest_platform.pipelines.micro_batches import Totals
from pinterest_platform.ports import TableFacts


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def drain(moves: list[int], limits: DrainLimits, seconds_each: float = 0.0) -> tuple[DrainResult, float, list[str]]:
    clock, said, remaining = Clock(), list[str](), iter(moves)

    def work() -> int:
        clock.now += seconds_each
        return next(remaining, 0)

    done = Drain(work, limits, said.append, clock=clock, sleep=clock.sleep).run()
    return done, clock.now, said


def test_it_ends_once_nothing_came_for_the_idle_time() -> None:
    done, now, _ = drain([5, 0, 3], DrainLimits(idle=2, longest=100, pause=0.5))
    assert done.records == 8
    assert "nothing came for 2 s" in done.ended
    assert now >= 2


def test_a_route_that_never_rests_is_left_after_the_longest_time() -> None:
    done, now, _ = drain([1] * 1000, DrainLimits(idle=2, longest=10), seconds_each=1)
    assert now == 10
    assert "longest time" in done.ended
    assert done.records == 10


def test_it_never_waits_while_records_move() -> None:
    done, now, _ = drain([1] * 50, DrainLimits(idle=0, longest=100, pause=1))
    assert done.records == 50
    assert now == 0


def test_an_idle_time_of_zero_ends_with_the_first_round_in_which_nothing_moves() -> None:
    done, _, _ = drain([], DrainLimits(idle=0, longest=100))
    assert done.rounds == 1


def test_progress_is_told_now_and_then() -> None:
    _, _, said = drain([1] * 60, DrainLimits(idle=1, longest=60, report=15), seconds_each=1)
    assert len(said) == 4


def test_what_became_of_moving_records_is_shown_now_and_then_and_never_of_an_idle_route() -> None:
    clock, shown, moves = Clock(), list[float](), iter([1] * 200)

    def work() -> int:
        clock.now += 1
        return next(moves, 0)

    limits = DrainLimits(idle=300, longest=1000, show=60)
    Drain(work, limits, lambda _: None, lambda: shown.append(clock.now), clock=clock, sleep=clock.sleep).run()
    assert shown[:3] == [60, 120, 180]
    assert len(shown) == 4, "what moved since the last time is shown, then nothing more"


class ALane:
    """A lane that moves as a script says; a failure in it is raised."""

    def __init__(self, entity: Entity, *script: int | PlatformFailure) -> None:
        self.entity, self.stream, self.tally = entity, f"u.{entity.name}", Totals()
        self.script = list(script)
        self.asked = 0

    def move(self) -> int:
        self.asked += 1
        moved = self.script.pop(0) if self.script else 0
        if isinstance(moved, PlatformFailure):
            raise moved
        self.tally.objects += moved
        return moved

    def facts(self) -> TableFacts | None:
        return None


QUESTION = PermanentFailure("u.pin was made anew.", "Decide.")
SILENCE = TransientFailure("Nobody answers.", "Wait.")


def test_a_lane_that_fails_rests_and_the_others_are_drained_to_their_end() -> None:
    said = list[str]()
    pin, geo, user = ALane(PIN, 1, QUESTION), ALane(GEO, 1, 1, 1, 1), ALane(USER)
    rounds, clock = RoundRobin([pin, geo, user], said.append), Clock()
    done = Drain(rounds.move, DrainLimits(idle=2, longest=100), said.append, clock=clock, sleep=clock.sleep).run()
    assert done.records == 5
    assert "nothing came for 2 s" in done.ended
    assert (pin.asked, geo.script) == (2, [])
    assert rounds.failed == (PIN,)
    # What cannot be told of a stream that failed hides nothing of the others, which come first.
    assert [lane.entity for lane in rounds.results()] == [GEO, USER, PIN]
    assert any("u.pin rests, the other streams go on: u.pin was made anew." in line for line in said)
    with pytest.raises(PermanentFailure, match="made anew"):
        rounds.judge()


def test_a_lane_that_failed_before_it_moved_anything_has_no_result() -> None:
    rounds = RoundRobin([ALane(PIN, QUESTION), ALane(GEO)], lambda _: None)
    rounds.move()
    assert [lane.entity for lane in rounds.results()] == [GEO]


def test_it_ends_at_once_when_no_lane_is_left_and_says_what_all_of_them_say() -> None:
    rounds, clock = RoundRobin([ALane(PIN, QUESTION), ALane(GEO, 3, SILENCE)], lambda _: None), Clock()
    limits = DrainLimits(idle=600, longest=1000)
    done = Drain(rounds.move, limits, lambda _: None, clock=clock, sleep=clock.sleep).run()
    assert (done.rounds, done.records, clock.now) == (2, 3, 0)
    # A later run helps one of them.
    with pytest.raises(TransientFailure, match=r"made anew\. Nobody answers\. Decide\. Wait\."):
        rounds.judge()


def test_after_a_transient_failure_a_lane_is_tried_again_and_forgiven_while_the_others_go_on() -> None:
    pin, geo, clock = ALane(PIN, SILENCE, 1), ALane(GEO, *[1] * 100), Clock()
    rounds = RoundRobin([pin, geo], lambda _: None, clock)
    assert (rounds.move(), rounds.failed) == (1, (PIN,))
    clock.sleep(REST_SECONDS - 1)
    assert (rounds.move(), pin.asked) == (1, 1)
    clock.sleep(1)
    assert (rounds.move(), rounds.failed) == (2, ())
    rounds.judge()


def test_only_lanes_that_moved_since_the_last_time_are_shown() -> None:
    pin, geo = ALane(PIN, 1, 0, 1), ALane(GEO, 1, 1)
    rounds = RoundRobin([pin, geo, ALane(USER)], lambda _: None)
    shown = [(rounds.move(), [lane.entity for lane in rounds.moved()]) for _ in range(4)]
    assert shown == [(2, [PIN, GEO]), (1, [GEO]), (1, [PIN]), (0, [])]
