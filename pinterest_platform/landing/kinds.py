"""The kinds of the values of records, observed while they are landed (rule L22)."""

import re
from collections.abc import Sequence
from types import NoneType
from typing import Any

from pinterest_platform.catalog import kinds

_NAME = re.compile("[A-Za-z0-9_]+")
_REMEMBERED = 1000
"""The combinations of types to remember; other records cost more."""
_LONGEST = 600
"""The characters of kinds that fit next to the other metadata of an object, 2 KB in S3."""
_KINDS: dict[type, str] = {str: kinds.TEXT, int: kinds.INTEGER, float: kinds.NUMBER, NoneType: kinds.NULL}


def united_text(texts: Sequence[str | None]) -> str | None:
    """Return the kinds of records as one text, given those of several parts; None if some are unknown, or too many."""
    parts = [kinds.from_text(text) for text in texts if text is not None]
    text = kinds.to_text(kinds.united(parts))
    return text if len(parts) == len(texts) and 0 < len(text) <= _LONGEST else None


class ObservedKinds:
    """The kinds of the values of the records that one encoder has accepted; unknown after an unusual record."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._names: list[str] = []
        self._types: set[tuple[type, ...]] = set()
        self._is_unusual = False

    def add(self, fields: dict[str, Any], types: tuple[type, ...]) -> None:
        """Add a record, with the types of its values."""
        names = list(fields)
        # Most records have the names and types of one before.
        if (types in self._types and names == self._names) or self._is_unusual:
            return
        if names != self._names or len(self._types) == _REMEMBERED:
            self._names = names
            self._types.clear()
        self._types.add(types)
        record = {name: _KINDS.get(kind, kinds.OTHER) for name, kind in zip(names, types, strict=True)}
        self._kinds = kinds.united([self._kinds, record])
        if not all(map(_NAME.fullmatch, names)) or sum(map(len, self._kinds)) > _LONGEST:
            self.add_unusual()

    def add_unusual(self) -> None:
        """Add a record that only the exact way may read; the kinds are unknown from now on."""
        self._is_unusual = True

    def text(self) -> str | None:
        """Return the kinds as one text; None if they are unknown, or if there is no value."""
        text = kinds.to_text(self._kinds)
        return text if not self._is_unusual and 0 < len(text) <= _LONGEST else None
