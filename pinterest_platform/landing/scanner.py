"""Reading JSON that nests to any depth and has numbers of any size and lone surrogates (rule L6).

orjson rejects such values, and readers of landed objects fail on them. This reader is slower, and does not recurse.
"""

import json
import re
from collections.abc import Mapping
from typing import cast

import orjson

_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_TOKEN = re.compile(rb"[ \t\r\n]*+(?:(" + _STRING + rb")|(" + _NUMBER + rb"|true|false|null)|([{}\[\],:]))")
_BLANKS = b" \t\r\n"
_ESCAPE = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.")
"""A pair of surrogates, a lone one as group 1, or any other escape, in a valid JSON string."""

Members = list[tuple[str, bytes | None]]
"""The members of an object in order: the name, and the bytes of the value, None if it is an object or array."""


def read_members(value: bytes) -> Members | None:
    """Return the members of a JSON object, or None if the value is JSON of another type.

    Raises:
        ValueError: the value is not JSON.
    """
    members: Members = []
    closers: list[bytes] = []
    name: str | None = None
    expected, position = "value", 0
    while (token := _TOKEN.match(value, position)) is not None:
        text, scalar, mark = cast("tuple[bytes | None, bytes | None, bytes | None]", token.groups())
        position = token.end()
        depth = len(closers)
        if expected in ("name", "name or close") and text is not None:
            # Python, unlike orjson, reads lone surrogates, and so distinguishes the names that have them.
            name = json.loads(text) if depth == 1 else name
            expected = "colon"
        elif expected in ("value", "value or close") and (mark is None or mark in b"{["):
            if depth == 1 and name is not None:
                members.append((name, text or scalar))
            if mark is None:
                expected = "comma or close"
            else:
                closers.append(b"}" if mark == b"{" else b"]")
                expected = "name or close" if mark == b"{" else "value or close"
        elif mark == b":" and expected == "colon":
            expected = "value"
        elif mark == b"," and expected == "comma or close" and closers:
            expected = "name" if closers[-1] == b"}" else "value"
        elif mark is not None and expected.endswith("close") and closers[-1:] == [mark]:
            closers.pop()
            expected = "comma or close"
        else:
            raise ValueError(f"unexpected {token[0].strip(_BLANKS)[:20]!r} before byte {position}")
    if closers or expected != "comma or close" or value[position:].strip(_BLANKS):
        raise ValueError(f"unexpected end or character after byte {position}")
    return members if value.lstrip(_BLANKS)[:1] == b"{" else None


def as_texts(members: Mapping[str, bytes]) -> bytes:
    """Return scalar members as JSON, each with a comma before it, numbers as texts, and lone surrogates as U+FFFD."""
    return b"".join(b"," + _as_string(name) + b":" + _as_text(scalar) for name, scalar in members.items())


def without_lone_surrogates(text: str) -> str:
    """Return a text with a question mark in place of each lone surrogate, which UTF-8 cannot encode."""
    return text.encode(errors="replace").decode()


def _as_string(name: str) -> bytes:
    return orjson.dumps(without_lone_surrogates(name))


def _as_text(scalar: bytes) -> bytes:
    if scalar[0] in b"-0123456789":
        return b'"' + scalar + b'"'
    return _ESCAPE.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], scalar)
