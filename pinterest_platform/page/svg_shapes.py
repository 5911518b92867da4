"""The shapes of a chart as SVG: every text is escaped, and the style sheet of the page gives shapes their colours."""

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

from markupsafe import Markup

from pinterest_platform.page.wording import flat, readable

WIDTH = 380
"""The width of every picture; the page scales it to its column."""

TEXT_SIZE = 13
_NARROW = frozenset("ijl.,:;'|!()[]·I ftr-/")
_BROAD = frozenset("mwMW@%")
_LONGEST = 200
"""Characters beyond which no text fits; longer ones are cut before they are measured."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart ready for the page.

    Attributes:
        svg: its SVG element.
        note: a sentence about the rows that it leaves out; empty if it shows all.
    """

    svg: Markup
    note: str = ""


def picture(shapes: Iterable[Markup], height: float, label: str) -> Markup:
    """Return an SVG element.

    Args:
        shapes: its contents.
        height: its height.
        label: the text for screen readers.
    """
    return Markup('<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        readable(label), WIDTH, _number(height), Markup("").join(shapes)
    )


def group(kind: str, hint: str, shapes: Iterable[Markup]) -> Markup:
    """Return shapes of one class, with a hint that shows while the pointer is on them."""
    return Markup('<g class="{}"><title>{}</title>{}</g>').format(kind, readable(hint), Markup("").join(shapes))


def rectangle(x: float, y: float, width: float, height: float) -> Markup:
    """Return a rectangle."""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="2"/>').format(*map(_number, (x, y, width, height)))


def words(text: str, x: float, y: float, kind: str) -> Markup:
    """Return a text on one line; its class decides size and anchor."""
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, _number(x), _number(y), readable(text))


def text_width(text: str) -> float:
    """Return the estimated width of a text; it is not less than that of common fonts."""
    return sum(map(_character_width, text))


def fitted(text: str, width: float) -> str:
    """Return a text on one line, cut to a width, with an ellipsis if it was wider."""
    line = flat(text)
    if len(line) <= _LONGEST and text_width(line) <= width:
        return line
    line = line[:_LONGEST]
    while line and text_width(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"


def wrapped(text: str, width: float) -> tuple[str, ...]:
    """Return a text on one line, or on two that break between words; the last one is cut as `fitted` does."""
    line = flat(text)
    if len(line) <= _LONGEST and text_width(line) <= width:
        return (line,)
    first = line[:_LONGEST].rpartition(" ")[0]
    while text_width(first) > width:
        first = first.rpartition(" ")[0]
    return (first, fitted(line[len(first) + 1 :], width)) if first else (fitted(line, width),)


def _character_width(character: str) -> float:
    if combining(character) or character == "\u200d":
        return 0
    if east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return TEXT_SIZE * 1.4
    if character in _NARROW:
        return TEXT_SIZE * 0.42
    if character in _BROAD:
        return TEXT_SIZE * 1.02
    return TEXT_SIZE * (0.78 if character.isupper() else 0.64)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
