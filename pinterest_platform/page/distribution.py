"""The distribution of values: the ranges that they are counted in."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pinterest_platform.page.wording import short

MOST_RANGES = 12


@dataclass(frozen=True, slots=True)
class Range:
    """The values from `low` up to `high`, without `high`, and their count."""

    low: float
    high: float
    count: int

    @property
    def label(self) -> str:
        """Its label."""
        return f"{short(self.low)} to {short(self.high)}" if self.low else f"under {short(self.high)}"


def distribution(values: Sequence[float]) -> list[Range]:
    """Count values in ranges that are equal on a logarithmic scale, from the smallest value to the largest one.

    Ranges begin at 1, 2 and 5 times a power of ten, or at powers of ten if that is more than MOST_RANGES. The first
    one begins at 0 if a value is below 1.
    """
    if not values:
        return []
    for steps in ((1, 2, 5), (1,)):
        bounds = _bounds(min(values), max(values), steps)
        if len(bounds) <= MOST_RANGES + 1:
            break
    bounds = [0, *bounds[-MOST_RANGES:]] if len(bounds) > MOST_RANGES + 1 else bounds
    return [Range(low, high, sum(low <= value < high for value in values)) for low, high in pairwise(bounds)]


def _bounds(lowest: float, highest: float, steps: Sequence[int]) -> list[int]:
    bounds, power = [0], 1
    while bounds[-1] <= highest:
        bounds += [step * power for step in steps]
        power *= 10
    first = max(index for index, bound in enumerate(bounds) if bound <= lowest)
    last = next(index for index, bound in enumerate(bounds) if bound > highest)
    return bounds[first : last + 1]
