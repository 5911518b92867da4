"""JSON values that are equal if they mean the same, whatever their spacing, order of names and notation of numbers."""

import json
import math
from decimal import Decimal
from typing import Any, NamedTuple


class _Number(NamedTuple):
    """A number; a type of its own, because Python takes 1 and true as equal."""

    value: Decimal | float


def parse_value(text: bytes) -> Any:
    """Parse JSON into a value that is equal to every other one with the same meaning.

    Integers, and numbers that are too large for a double, are exact. Others are doubles, as a sink reads them.

    Raises:
        ValueError: the text is not JSON, or has an exponent of more than 18 digits.
        RecursionError: it nests too deeply.
    """
    return json.loads(text.decode(), parse_int=_exact, parse_float=_double, parse_constant=_refuse)


def _exact(text: str) -> _Number:
    try:
        return _Number(Decimal(text))
    except ArithmeticError:
        raise ValueError(f"the number {text[:40]} cannot be compared") from None


def _double(text: str) -> _Number:
    value = float(text)
    return _Number(value) if math.isfinite(value) else _exact(text)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
