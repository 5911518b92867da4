"""Measurements of the streams: beyond, near and within their limits."""

import pytest

from pinterest_platform.catalog import PIN
from pinterest_platform.pipelines.backlog import Pending, RouteBacklog
from pinterest_platform.pipelines.limits import headroom_measurements, lag_measurements, possible_losses

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("lag_ms", "problem", "is_near"),
    [
        (0, "", False),
        (1_620_000, "", False),
        (1_621_000, "", True),
        (1_800_000, "", True),
        (1_801_000, "1,801 s", True),
    ],
)
def test_a_lag_is_near_its_limit_above_nine_tenths_of_it(lag_ms: int, problem: str, is_near: bool) -> None:
    [lag] = lag_measurements(RouteBacklog({PIN: Pending(1, 0, lag_ms)}, {}), 1800)
    assert (lag.problem, lag.is_near) == (problem, is_near)


@pytest.mark.parametrize(
    ("share", "left_hours", "is_problem", "is_near"),
    [
        (0.25, 0, True, True),
        (0.25, 5.9, True, True),
        (0.25, 6, False, True),
        (0.25, 6.5, False, True),
        (0.25, 6.6, False, False),
        (0.95, 22.8, False, True),
        (0.95, 23.5, False, False),
    ],
)
def test_headroom_is_near_its_limit_until_it_exceeds_it_by_a_tenth_or_half_of_the_rest(
    share: float, left_hours: float, is_problem: bool, is_near: bool
) -> None:
    pending = Pending(1, 0, unlanded_ms=int((24 - left_hours) * HOUR_MS), retention_ms=24 * HOUR_MS)
    headroom = list(headroom_measurements(RouteBacklog({PIN: pending}, {}), share, lambda entity: entity.name))
    assert [(bool(left.problem), left.is_near) for left in headroom] == [(is_problem, is_near)]
    assert [(bool(loss.problem), loss.is_near) for loss in possible_losses(headroom)] == [(left_hours == 0, False)]
