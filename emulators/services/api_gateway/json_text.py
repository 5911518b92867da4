"""JSON with access to the original text of any part, so that numbers and repeated names survive a mapping."""

import functools
import json
import re
from collections.abc import Callable, Iterator
from json.decoder import scanstring  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

Step = str | int
"""A name in an object, or an index in a list."""

_STEP = re.compile(r"\.([\w-]+)|\['([^']*)'\]|\[([0-9]+)\]")
_skip_blanks: Callable[[str, int], Any] = re.compile(r"[ \t\r\n]*").match
# Only the end of a value is needed, so numbers are not evaluated.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(parse_int=str, parse_float=str).scan_once  # pyright: ignore


_LONG_NUMBER = 4000
"""The digits from which an integer keeps its spelling; Python reads up to 4,300."""


class Number(str):
    """A fraction or a long integer in its original spelling."""

    __slots__ = ()


def _integer(digits: str) -> int | Number:
    return int(digits) if len(digits) < _LONG_NUMBER else Number(digits)


class JsonText:
    """A JSON document.

    Args:
        text: the document.

    Raises:
        ValueError: the text is not JSON.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans: dict[int, dict[Step, tuple[int, int]]] = {}
        try:
            self.value = json.loads(text, parse_int=_integer, parse_float=Number, parse_constant=_refuse)
        except RecursionError:
            raise ValueError("the document is nested too deeply") from None

    def find(self, path: str) -> Any:
        """Return the value at a path, None if there is none; raises ValueError for an invalid path."""
        value = self.value
        for step in steps(path):
            match value, step:
                case dict(), str():
                    value = value.get(step)
                case list(), int() if step < len(value):
                    value = value[step]
                case _:
                    return None
        return value

    def cut(self, path: str) -> str | None:
        """Return the text of the value at a path, None if there is none; raises ValueError for an invalid path."""
        start = _after_blanks(self._text, 0)
        end = len(self._text.rstrip(" \t\r\n"))
        for step in steps(path):
            span = self._parts(start).get(step)
            if span is None:
                return None
            start, end = span
        return self._text[start:end]

    def _parts(self, at: int) -> dict[Step, tuple[int, int]]:
        """Return the cached spans of the members or elements of the value that begins at `at`."""
        if at not in self._spans:
            walk = {"{": self._members, "[": self._elements}.get(self._text[at])
            self._spans[at] = dict(walk(at)) if walk else {}
        return self._spans[at]

    def _members(self, at: int) -> Iterator[tuple[Step, tuple[int, int]]]:
        text = self._text
        at = _after_blanks(text, at + 1)
        while text[at] != "}":
            name, at = scanstring(text, at + 1)
            at = _after_blanks(text, _after_blanks(text, at) + 1)
            end = _scan(text, at)[1]
            yield name, (at, end)
            at = self._next(end)

    def _elements(self, at: int) -> Iterator[tuple[Step, tuple[int, int]]]:
        text = self._text
        index = 0
        at = _after_blanks(text, at + 1)
        while text[at] != "]":
            end = _scan(text, at)[1]
            yield index, (at, end)
            index, at = index + 1, self._next(end)

    def _next(self, at: int) -> int:
        """Return the position of the next part or of the closing bracket."""
        at = _after_blanks(self._text, at)
        return _after_blanks(self._text, at + 1) if self._text[at] == "," else at


@functools.lru_cache(maxsize=2048)
def steps(path: str) -> tuple[Step, ...]:
    """Return the steps of a path such as `$.records[0].data` or `$['a name']`.

    Raises:
        ValueError: it is not a path.
    """
    steps_found: list[Step] = []
    at = 1
    while at < len(path) and (match := _STEP.match(path, at)):
        name, quoted, index = match.groups()
        steps_found.append(int(index) if index is not None else quoted if quoted is not None else name)
        at = match.end()
    if not path.startswith("$") or at != len(path):
        raise ValueError(f"{path!r} is not a path of names and indexes")
    return tuple(steps_found)


def _after_blanks(text: str, at: int) -> int:
    return _skip_blanks(text, at).end()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
