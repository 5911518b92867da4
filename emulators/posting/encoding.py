"""Encoding of a row as JSON, for all column types of databases."""

import base64
import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import orjson

from emulators.failures import EmulatorFailure

_WIDE = range(-(2**63), 2**64)
"""The integers that orjson can encode."""


def encode_row(row: Mapping[str, Any]) -> bytes:
    """Return a row as one JSON object in UTF-8.

    Times become ISO text with a T ("2021-07-26T03:32:26"), dates and UUIDs their text, Decimals numbers with every
    digit, bytes their text if they are UTF-8 and base64 if not, durations seconds, sets sorted lists, NaN and infinity
    null.

    Raises:
        EmulatorFailure: a value has a type that JSON cannot represent; the message names the column.
    """
    try:
        return orjson.dumps(row, default=_encode)
    except orjson.JSONEncodeError:
        return orjson.dumps({name: _checked(name, value) for name, value in row.items()}, default=_encode)


def _encode(value: Any) -> Any:
    match value:
        case Decimal():
            return orjson.Fragment(format(value, "f")) if value.is_finite() else None
        case bytes() | bytearray() | memoryview():
            return _text_of(bytes(value))
        case timedelta():
            return value.total_seconds()
        case set() | frozenset():
            return sorted(value)
        case ipaddress.IPv4Address() | ipaddress.IPv6Address() | ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return str(value)
        case PurePath():
            return str(value)
        case _:
            raise TypeError(type(value).__name__)


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _checked(name: str, value: Any) -> Any:
    """Return an encodable form of a value; used if the row as a whole cannot be encoded."""
    if isinstance(value, int) and not isinstance(value, bool) and value not in _WIDE:
        return orjson.Fragment(str(value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    try:
        orjson.dumps(value, default=_encode)
    except orjson.JSONEncodeError as error:
        raise EmulatorFailure(
            f"Column {name} holds a {type(value).__name__}, which JSON cannot represent ({error}).",
            "Post from a view or a table without that column.",
        ) from None
    return value
