"""Kinds of the JSON values of fields, which landing observes and cleaning reads by (rule L22)."""

from collections.abc import Iterable, Mapping

TEXT = "text"
INTEGER = "integer"
NUMBER = "number"
"""Numbers with a decimal point or an exponent; integers may be among them."""
NULL = "null"
"""No value other than null. The name counts all the same: engines ignore the case of names."""
OTHER = "other"
"""A boolean, an object or an array, or values of several kinds."""

Kinds = Mapping[str, str]
"""Field to the kind of its values."""


def united(several: Iterable[Kinds]) -> dict[str, str]:
    """Return the kinds of records, given those of several parts of them."""
    union: dict[str, str] = {}
    for kinds in several:
        for name, kind in kinds.items():
            union[name] = _either(union.get(name, kind), kind)
    return union


def _either(kind: str, other: str) -> str:
    if kind == other or other == NULL:
        return kind
    if kind == NULL:
        return other
    return NUMBER if {kind, other} == {INTEGER, NUMBER} else OTHER


def to_text(kinds: Kinds) -> str:
    """Return kinds as one text, for a manifest."""
    return ",".join(f"{name}:{kind}" for name, kind in sorted(kinds.items()))


def from_text(text: str) -> Kinds:
    """Return the kinds in a text; raises ValueError if it is damaged."""
    return dict(part.split(":") for part in text.split(",") if part)
