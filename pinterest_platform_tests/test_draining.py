"""When a drain goes on, and when it ends."""

from pinterest_platform.draining import Drain, Drained, DrainLimits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def drain(moves: list[int], limits: DrainLimits, seconds_each: float = 0.0) -> tuple[Drained, float, list[str]]:
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
