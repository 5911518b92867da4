"""Lag and retention headroom of the streams of a route, compared with limits."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pinterest_platform.catalog import Entity
from pinterest_platform.messages import rounded_duration
from pinterest_platform.pipelines.backlog import RouteBacklog

_LOSS = "retention may have deleted records that are not landed"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement that is compared with a limit.

    Attributes:
        name: the name of the entity, topic, stream or asset.
        value: the measurement.
        problem: the measurement in words; empty within the limit.
        is_near: whether it is not within the limit by a tenth of it, so that it does not end a problem.
    """

    name: str
    value: float
    problem: str
    is_near: bool = False

    @property
    def finding(self) -> str:
        """The problem with the name before it."""
        return f"{self.name}: {self.problem}"


def is_near_limit(value: float, most: float) -> bool:
    """Return whether a value is not below its limit by a tenth of it."""
    return value > 0.9 * most


def lag_measurements(backlog: RouteBacklog, longest_seconds: float) -> Iterator[Measurement]:
    """Yield the lag of each stream in seconds; an unknown one is left out."""
    for entity, pending in backlog.waiting.items():
        if pending.lag_ms is not None:
            seconds = pending.lag_ms / 1000
            problem = f"{seconds:,.0f} s" if seconds > longest_seconds else ""
            yield Measurement(entity.name, seconds, problem, is_near_limit(seconds, longest_seconds))


def headroom_measurements(
    backlog: RouteBacklog, least_share: float, name_of: Callable[[Entity], str]
) -> Iterator[Measurement]:
    """Yield the seconds until retention can delete what is not landed; infinite if everything is landed.

    Unknown ones are left out. It is infinite for an unlimited retention, too.

    Args:
        backlog: the route.
        least_share: the part of the retention time that must be left.
        name_of: returns the name of an entity's topic or stream.
    """
    for entity, pending in backlog.waiting.items():
        name = name_of(entity)
        if pending.retention_ms is None:
            yield Measurement(name, math.inf, "")  # unlimited, or not read because nothing waits
            continue
        if pending.unlanded_ms is None:
            continue
        left_ms = max(0, pending.retention_ms - pending.unlanded_ms)
        left, kept = (rounded_duration(ms / 1000, math.floor) for ms in (left_ms, pending.retention_ms))
        text = f"{left} until retention ({kept}) can delete what is not landed" if left_ms else _LOSS
        least_ms = least_share * pending.retention_ms
        # Nearly all of the retention time can be the limit.
        margin_ms = min(least_ms / 10, (pending.retention_ms - least_ms) / 2)
        is_near = left_ms < least_ms + margin_ms
        yield Measurement(name, left_ms / 1000, text if left_ms < least_ms else "", is_near)


def possible_losses(headroom: Iterable[Measurement]) -> list[Measurement]:
    """Return headroom as measurements of which only those without any time left are a problem."""
    return [Measurement(left.name, left.value, _LOSS if left.value == 0 else "") for left in headroom]


def is_headroom_unknown(backlog: RouteBacklog, entity: Entity) -> bool:
    """Return whether `headroom_measurements` left out a stream because it is unknown; unlimited retention is known."""
    pending = backlog.waiting.get(entity)
    return pending is None or (pending.unlanded_ms is None and pending.retention_ms is not None)
