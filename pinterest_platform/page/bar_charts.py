"""Charts of horizontal bars and of upright columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from pinterest_platform.page.svg_shapes import (
    TEXT_SIZE,
    WIDTH,
    fitted,
    group,
    picture,
    rectangle,
    text_width,
    words,
    wrapped,
)
from pinterest_platform.page.wording import clipped, short

LONGEST_READ = 60
"""Characters of a label that screen readers and hints give."""

_WIDEST_LEFT = 130
"""The width of labels up to which they are left of the bars; wider ones are above them, on one line or two."""
_LINE_HEIGHT = 16
_GAP = 8
_COLUMNS_HEIGHT = 220


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar or column: its label, its value (None for no value), and its number in words.

    The number is the short form of the value, unless another is given.
    """

    label: str
    value: float | None
    number: str = ""

    @property
    def number_text(self) -> str:
        """Its number in words."""
        return self.number or short(self.value) or "none"

    @property
    def spoken(self) -> str:
        """Label and number, for screen readers and hints."""
        return f"{clipped(self.label, LONGEST_READ)}: {self.number_text}"


def bar_chart(bars: Sequence[Bar], description: str) -> Markup:
    """Draw horizontal bars from the top down, each with its label and its number."""
    widest = max((text_width(bar.label) for bar in bars), default=0)
    is_left = widest <= _WIDEST_LEFT
    left, step = (widest + _GAP, 26) if is_left else (0, 40)
    labels = [(fitted(bar.label, widest),) if is_left else wrapped(bar.label, WIDTH) for bar in bars]
    heights = [step + _LINE_HEIGHT * (len(lines) - 1) for lines in labels]
    space = WIDTH - left - _GAP - max((text_width(bar.number_text) for bar in bars), default=0)
    longest = _largest(bars)

    def shapes() -> Iterator[Markup]:
        for bar, lines, height, end in zip(bars, labels, heights, accumulate(heights), strict=True):
            top = end - height
            y = top if is_left else end - step + TEXT_SIZE + 5
            length = space * (bar.value or 0) / longest
            yield group(
                "bar",
                bar.spoken,
                [
                    *(
                        words(line, 0, top + TEXT_SIZE + number * _LINE_HEIGHT, "label")
                        for number, line in enumerate(lines)
                    ),
                    rectangle(left, y + 1, length, 15),
                    words(bar.number_text, left + length + _GAP, y + TEXT_SIZE, "number"),
                ],
            )

    return picture(shapes(), sum(heights), _described(description, bars))


def column_chart(columns: Sequence[Bar], description: str) -> Markup:
    """Draw upright columns, each with its label below and its number on top."""
    step = WIDTH / max(len(columns), 1)
    width = min(step - _GAP, 72)
    top, bottom = TEXT_SIZE + 6, _COLUMNS_HEIGHT - TEXT_SIZE - 8
    longest = _largest(columns)

    def shapes() -> Iterator[Markup]:
        for index, column in enumerate(columns):
            middle = step * (index + 0.5)
            height = (bottom - top) * (column.value or 0) / longest
            yield group(
                "column",
                column.spoken,
                [
                    rectangle(middle - width / 2, bottom - height, width, height),
                    words(fitted(column.number_text, step), middle, bottom - height - 5, "number middle"),
                    words(fitted(column.label, step), middle, bottom + TEXT_SIZE + 5, "label middle"),
                ],
            )

    return picture(shapes(), _COLUMNS_HEIGHT, _described(description, columns))


def _largest(bars: Sequence[Bar]) -> float:
    return max((bar.value or 0 for bar in bars), default=0) or 1


def _described(description: str, bars: Sequence[Bar]) -> str:
    return f"{description} {'; '.join(bar.spoken for bar in bars)}."
