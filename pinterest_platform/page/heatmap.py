"""A heat map: lines and columns of cells that are shaded by their value."""

from collections.abc import Iterator, Mapping, Sequence
from math import log1p

from markupsafe import Markup

from pinterest_platform.page.svg_shapes import TEXT_SIZE, WIDTH, fitted, group, picture, rectangle, text_width, words
from pinterest_platform.page.wording import NOTHING, short

SHADES = 7
"""Shades from the smallest value to the largest one; the style sheet has a class for each."""

_WIDEST_LABEL = 150
_LINE_HEIGHT = 28
_GAP = 8
_SKEWED = 20
"""The ratio of the largest value to the smallest one from which shades follow orders of magnitude."""

Cells = Mapping[tuple[str, str], float | None]
"""(line, column) to the value; absent if there is no row."""


def heat_map(lines: Sequence[str], columns: Sequence[str], cells: Cells, description: str) -> Markup:
    """Draw a line of cells for each label, each cell with its number."""
    left = min(max(map(text_width, lines), default=0), _WIDEST_LABEL) + _GAP
    width = (WIDTH - left) / max(len(columns), 1)
    shades = _Shades([value for value in cells.values() if value is not None])

    def shapes() -> Iterator[Markup]:
        for index, column in enumerate(columns):
            yield words(fitted(column, width), left + (index + 0.5) * width, TEXT_SIZE, "label middle")
        for number, line in enumerate(lines, 1):
            top = number * _LINE_HEIGHT - 6
            yield words(fitted(line, left - _GAP), 0, top + 18, "label")
            for index, column in enumerate(columns):
                value = cells.get((line, column))
                x = left + index * width
                yield group(
                    "empty" if value is None else f"shade-{shades.of(value)}",
                    f"{line}, {column}: {short(value) or 'none'}",
                    [
                        rectangle(x + 1, top + 1, width - 2, _LINE_HEIGHT - 2),
                        words(fitted(short(value) or NOTHING, width), x + width / 2, top + 18, "number middle"),
                    ],
                )

    label = f"{description} The table has the numbers."
    return picture(shapes(), (len(lines) + 1) * _LINE_HEIGHT - 4, label)


class _Shades:
    """The shade of each value, from 0 for the smallest to SHADES - 1 for the largest."""

    def __init__(self, values: Sequence[float]) -> None:
        self._skewed = bool(values) and max(values) >= _SKEWED * max(min(values), 1)
        scaled = [self._scaled(value) for value in values]
        self._lowest, self._highest = min(scaled, default=0.0), max(scaled, default=0.0)

    def of(self, value: float) -> int:
        """Return the shade of a value."""
        span = self._highest - self._lowest
        share = (self._scaled(value) - self._lowest) / span if span else 0.5
        return min(int(share * SHADES), SHADES - 1)

    def _scaled(self, value: float) -> float:
        return log1p(value) if self._skewed else float(value)
