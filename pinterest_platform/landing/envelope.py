"""Acceptance of records, and the envelope that landing adds (rules L6 to L9, N12)."""

import base64
import re
from typing import Any, cast

import orjson

from pinterest_platform.catalog import NESTED_FIELD, REPEATED_FIELD, RESERVED_FIELDS, TIMESTAMP_FIELD
from pinterest_platform.ports import Record

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_BLANKS = b" \t\r\n"
_MEMBER = re.compile(rb'"[ \t]*:')
_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")[ \t]*(:)?|[{\[]|[}\]]')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")


class Encoder:
    """Encodes the records of one partition or shard as lines of JSON.

    Args:
        head: the beginning of every line up to its position, with a format for the position.
    """

    def __init__(self, head: str) -> None:
        self._head = f'{head},"{TIMESTAMP_FIELD}":%d'.encode()

    def encode(self, record: Record) -> tuple[bytes, bool]:
        """Return a record's line and True if it is accepted, else its line for the quarantine and False."""
        line = self.line(record)
        return (line, True) if isinstance(line, bytes) else (self.quarantine_line(record, line), False)

    def line(self, record: Record) -> bytes | str:
        """Return the line of a record, with its LF; for a rejected record, return the reason as text."""
        position, timestamp_ms, value = record
        if value is None:
            return "no value (a tombstone)"
        try:
            fields = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            return _invalid_json(value, error)
        if type(fields) is not dict:
            return "not one JSON object"
        names = cast("dict[str, Any]", fields)
        if not RESERVED_FIELDS.isdisjoint(names):
            return f"reserved name: {', '.join(sorted(RESERVED_FIELDS.intersection(names)))}"
        if b"\n" in value or b"\r" in value:
            # JSON has no raw line breaks inside strings: these are between tokens.
            value = value.translate(_LINE_BREAKS)
        if value[0] != 0x7B or value[-1] != 0x7D:
            value = value.strip(_BLANKS)
        head = self._head % (position, timestamp_ms) + _marks(value, names)
        return b"".join((head, b",", value[1:], b"\n")) if names else head + b"}\n"

    def quarantine_line(self, record: Record, reason: str) -> bytes:
        """Return the quarantine line of a record; its value is base64 of the original bytes."""
        value = None if record.value is None else base64.b64encode(record.value).decode()
        envelope = {**self.origin(record), TIMESTAMP_FIELD: record.timestamp_ms}
        return orjson.dumps({**envelope, "reason": reason, "value": value}) + b"\n"

    def origin(self, record: Record) -> dict[str, Any]:
        """Return the envelope fields of a record's partition and position."""
        raise NotImplementedError


def _invalid_json(value: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        value.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    return f"not JSON: {error}"


def _marks(value: bytes, fields: dict[str, Any]) -> bytes:
    """Return the members `_repeated` and `_nested` (rule L8), mostly nothing."""
    marks = b""
    # A name has two quotes, and a text two more. If there are no others, each name occurs once.
    texts = list(map(type, fields.values())).count(str)
    if value.count(b'"') != 2 * (len(fields) + texts) and (repeated := _repeated(value, len(fields))):
        marks += f',"{REPEATED_FIELD}":'.encode() + orjson.dumps(f",{','.join(repeated)},")
    if b"[" in value or value.find(b"{", 1) > 0:
        nested = [
            name for name, field in fields.items() if isinstance(field, dict | list) and _PLAIN_NAME.fullmatch(name)
        ]
        if nested:
            marks += f',"{NESTED_FIELD}":",{",".join(nested)},"'.encode()
    return marks


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
    names: set[str] = set()
    repeated: dict[str, None] = {}
    depth = 0
    for token in _TOKEN.finditer(value):
        text, colon = token.groups()
        if text is None:
            depth += 1 if token[0] in b"{[" else -1
        elif colon and depth == 1:
            name: str = orjson.loads(text)
            if name in names:
                repeated[name] = None
            names.add(name)
    return list(repeated)
