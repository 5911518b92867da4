"""Acceptance of records, and the envelope that landing adds (rules L6 to L9, N12)."""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import orjson

from pinterest_platform.catalog import (
    NESTED_FIELD,
    ORDER_FIELD,
    READABLE_FIELD,
    REPEATED_FIELD,
    RESERVED_FIELDS,
    TIMESTAMP_FIELD,
)
from pinterest_platform.landing.kinds import ObservedKinds
from pinterest_platform.landing.scanner import as_texts, read_members, without_lone_surrogates
from pinterest_platform.ports import Record

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_BLANKS = b" \t\r\n"
_MEMBER = re.compile(rb'"[ \t]*:')
_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")[ \t]*(:)?|[{\[]|[}\]]')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")
_DEPTH = 64
"""The number of brackets up to which a value cannot nest too deeply for any engine; Sail reads 127 levels."""
_LONG = 1000
"""The length from which engines reject a number (Spark: 1,000 digits) or a name (Spark: 50,000 characters)."""
_ORDER_MARK = f',"{ORDER_FIELD}":%d'.encode()
_NUMBER_SAMPLES = re.compile(rb"[0-9.eE+-]{9}")


class Encoder:
    """An encoder of the records of one partition or shard as lines of JSON.

    Args:
        head: the beginning of every line up to its position, with a format for the position.

    Attributes:
        kinds: the kinds of the values of all records that were accepted.
    """

    def __init__(self, head: str) -> None:
        self._head = f'{head},"{TIMESTAMP_FIELD}":%d'.encode()
        self.kinds = ObservedKinds()

    def encode(self, record: Record, ordered_ms: int | None = None) -> tuple[bytes, bool]:
        """Return a record's line and True if it is accepted, else its line for the quarantine and False.

        Args:
            record: the record.
            ordered_ms: the time by which a record with an implausible time is ordered (rule L19), else None.
        """
        line = self.line(record, ordered_ms)
        return (line, True) if isinstance(line, bytes) else (self.quarantine_line(record, line), False)

    def line(self, record: Record, ordered_ms: int | None = None) -> bytes | str:
        """Return the line of a record, with its LF; for a rejected record, return the reason as text."""
        position, timestamp_ms, value, _ = record
        if value is None:
            return "no value (a tombstone)"
        try:
            fields = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            return self._unusual_line(record, value, ordered_ms, error)
        if type(fields) is not dict:
            return "not one JSON object"
        names = cast("dict[str, Any]", fields)
        if not RESERVED_FIELDS.isdisjoint(names):
            return _reserved(names)
        may_nest = b"[" in value or value.find(b"{", 1) > 0
        if (may_nest and value.count(b"[") + value.count(b"{") > _DEPTH) or (
            len(value) > _LONG and _has_long_token(value, names)
        ):
            return self._unusual_line(record, value, ordered_ms)
        if b"\n" in value or b"\r" in value:
            # JSON has no raw line breaks inside strings: these are between tokens.
            value = value.translate(_LINE_BREAKS)
        if value[0] != 0x7B or value[-1] != 0x7D:
            value = value.strip(_BLANKS)
        head = self._head % (position, timestamp_ms)
        if ordered_ms is not None:
            head += _ORDER_MARK % ordered_ms
        types = tuple(map(type, names.values()))
        self.kinds.add(names, types)
        if repeated := _repeated_marks(value, names, types.count(str)):
            self.kinds.add_unusual()
            head += repeated
        if may_nest:
            head += _nested_mark([name for name, field in names.items() if isinstance(field, dict | list)])
        return b"".join((head, b",", value[1:], b"\n")) if names else head + b"}\n"

    def _unusual_line(
        self, record: Record, value: bytes, ordered_ms: int | None, error: orjson.JSONDecodeError | None = None
    ) -> bytes | str:
        """Return the line of a record that engines may fail on, with a readable line in it (rule L8).

        Args:
            record: the record.
            value: its value.
            ordered_ms: see `encode`.
            error: the error of orjson, which also rejects deep nesting, numbers beyond a double and lone surrogates.
        """
        try:
            value.decode()
            members = read_members(value)
        except UnicodeDecodeError:
            return "not UTF-8"
        except ValueError as reason:
            return f"not JSON: {error or reason}"
        if members is None:
            return "not one JSON object"
        fields = dict(members)
        if not RESERVED_FIELDS.isdisjoint(fields):
            return _reserved(fields)
        self.kinds.add_unusual()
        head = self._head % (record.position, record.timestamp_ms)
        if ordered_ms is not None:
            head += _ORDER_MARK % ordered_ms
        repeated = _repeated_names(name for name, _ in members)
        marks = _repeated_mark(repeated) + _nested_mark([name for name, token in fields.items() if token is None])
        scalars = {name: token for name, token in fields.items() if token is not None and len(name) < _LONG}
        readable = base64.b64encode(head + marks + as_texts(scalars) + b"}")
        head += b',"%s":"%s"%s' % (READABLE_FIELD.encode(), readable, marks)
        return b"".join((head, b",", value.translate(_LINE_BREAKS).strip(_BLANKS)[1:], b"\n"))

    def quarantine_line(self, record: Record, reason: str) -> bytes:
        """Return the quarantine line of a record; its value, and its key if it is read, are base64 of their bytes."""
        value = None if record.value is None else base64.b64encode(record.value).decode()
        envelope = {**self.position_fields(record), TIMESTAMP_FIELD: record.timestamp_ms}
        key = {} if record.key is None else {"key": base64.b64encode(record.key).decode()}
        return orjson.dumps({**envelope, "reason": reason, "value": value, **key}) + b"\n"

    def position_fields(self, record: Record) -> dict[str, Any]:
        """Return the envelope fields of a record's partition and position."""
        raise NotImplementedError


def _reserved(names: Iterable[str]) -> str:
    return f"reserved name: {', '.join(sorted(RESERVED_FIELDS.intersection(names)))}"


def _has_long_token(value: bytes, names: Iterable[str]) -> bool:
    """Return whether a value of more than `_LONG` bytes can have a number or a name of that length."""
    # A number that long covers nine samples in a row.
    return _NUMBER_SAMPLES.search(value[:: _LONG // 10]) is not None or max(map(len, names)) >= _LONG


def _repeated_marks(value: bytes, fields: dict[str, Any], texts: int) -> bytes:
    """Return the member `_repeated` of a line (rule L8), mostly nothing; `texts` of the fields are texts."""
    # A name has two quotes, and a text two more. If there are no others, each name occurs once.
    if value.count(b'"') == 2 * (len(fields) + texts):
        return b""
    return _repeated_mark(_repeated(value, len(fields)))


def _repeated_mark(names: Sequence[str]) -> bytes:
    listed = without_lone_surrogates(f",{','.join(names)},")
    return f',"{REPEATED_FIELD}":'.encode() + orjson.dumps(listed) if names else b""


def _nested_mark(names: Sequence[str]) -> bytes:
    plain = [name for name in names if _PLAIN_NAME.fullmatch(name)]
    return f',"{NESTED_FIELD}":",{",".join(plain)},"'.encode() if plain else b""


def _repeated(value: bytes, distinct_names: int) -> list[str]:
    """Return the top-level names that occur more than once, in order of their second occurrence.

    Args:
        value: a valid JSON object.
        distinct_names: how many distinct top-level names it has.
    """
    # Each member has at least one `":`. If there are no more of them than names, each name occurs once.
    spaced = b" :" in value or b"\t" in value
    if distinct_names == (len(_MEMBER.findall(value)) if spaced else value.count(b'":')):
        return []
    return _repeated_names(_top_level_names(value))


def _top_level_names(value: bytes) -> Iterator[str]:
    depth = 0
    for token in _TOKEN.finditer(value):
        text, colon = token.groups()
        if text is None:
            depth += 1 if token[0] in b"{[" else -1
        elif colon and depth == 1:
            yield orjson.loads(text)


def _repeated_names(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, in order of their second occurrence."""
    distinct: set[str] = set()
    repeated: dict[str, None] = {}
    for name in names:
        if name in distinct:
            repeated[name] = None
        distinct.add(name)
    return list(repeated)
