"""What landing accepts, and the envelope it adds (ARCHITECTURE "Landing exactly once" 3)."""

import base64
import re
from typing import Any, cast

import orjson

from pinterest_platform.catalog import (
    NESTED_FIELD,
    OFFSET_FIELD,
    PARTITION_FIELD,
    REPEATED_FIELD,
    RESERVED_FIELDS,
    SEQUENCE_DIGITS,
    SEQUENCE_FIELD,
    SHARD_FIELD,
    TIMESTAMP_FIELD,
)
from pinterest_platform.ports import Record

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_BLANKS = b" \t\r\n"
_MEMBER = re.compile(rb'"[ \t]*:')
_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")[ \t]*(:)?|[{\[]|[}\]]')
_AGGREGATED = b"\xf3\x89\x9a\xc2"
"""How a record begins into which the Kinesis Producer Library packed several, in a format of its own."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")


class Encoder:
    """Turns the records of one partition into lines, or says why not.

    Args:
        partition: the number that every line carries.
    """

    def __init__(self, partition: int) -> None:
        self._head = f'{{"{PARTITION_FIELD}":{partition},"{OFFSET_FIELD}":%d,"{TIMESTAMP_FIELD}":%d'.encode()

    def line(self, record: Record) -> bytes | str:
        """One line of JSON, ended by LF; or, for a record that is not accepted, the reason as text."""
        offset, timestamp_ms, value = record
        if value is None:
            return "no value (a tombstone)"
        try:
            fields = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            return _unreadable(value, error)
        if type(fields) is not dict:
            return "not one JSON object"
        names = cast("dict[str, Any]", fields)
        if not RESERVED_FIELDS.isdisjoint(names):
            return f"reserved name: {', '.join(sorted(RESERVED_FIELDS.intersection(names)))}"
        if b"\n" in value or b"\r" in value:
            # JSON forbids raw line breaks inside strings: these stand between tokens.
            value = value.translate(_LINE_BREAKS)
        if value[0] != 0x7B or value[-1] != 0x7D:
            value = value.strip(_BLANKS)
        head = self._head % (offset, timestamp_ms) + _marks(value, names)
        return b"".join((head, b",", value[1:], b"\n")) if names else head + b"}\n"


class ShardEncoder(Encoder):
    """Turns the records of one shard into lines, or says why not.

    Args:
        shard: the id that every line carries.
    """

    def __init__(self, shard: str) -> None:
        self._head = (
            f'{{"{SHARD_FIELD}":"{shard}","{SEQUENCE_FIELD}":"%0{SEQUENCE_DIGITS}d","{TIMESTAMP_FIELD}":%d'.encode()
        )

    def line(self, record: Record) -> bytes | str:
        """One line of JSON, ended by LF; or, for a record that is not accepted, the reason as text."""
        if record.value is not None and record.value.startswith(_AGGREGATED):
            return "KPL aggregated record: switch aggregation off in its producer"
        return super().line(record)


def quarantine_line(partition: int, record: Record, reason: str) -> bytes:
    """One line of a partition's quarantine object; the value is base64 of the original bytes."""
    return _quarantine_line({PARTITION_FIELD: partition, OFFSET_FIELD: record.offset}, record, reason)


def shard_quarantine_line(shard: str, record: Record, reason: str) -> bytes:
    """One line of a shard's quarantine object; the value is base64 of the original bytes."""
    place = {SHARD_FIELD: shard, SEQUENCE_FIELD: f"{record.offset:0{SEQUENCE_DIGITS}d}"}
    return _quarantine_line(place, record, reason)


def _quarantine_line(place: dict[str, Any], record: Record, reason: str) -> bytes:
    value = None if record.value is None else base64.b64encode(record.value).decode()
    return orjson.dumps({**place, TIMESTAMP_FIELD: record.timestamp_ms, "reason": reason, "value": value}) + b"\n"


def _unreadable(value: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        value.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    return f"not JSON: {error}"


def _marks(value: bytes, fields: dict[str, Any]) -> bytes:
    """The members that tell readers what they would disagree on; mostly none."""
    marks = b""
    # A name has two quotes, and a text two more: where there are no others, each name stands once.
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


def _repeated(value: bytes, names: int) -> list[str]:
    """Top-level names that stand more than once, in order of their second appearance.

    Args:
        value: a valid JSON object.
        names: how many top-level names it has.
    """
    # Each member has one `":` at least, so no more of them than names means: each name stands once.
    spaced = b" :" in value or b"\t" in value
    if names == (len(_MEMBER.findall(value)) if spaced else value.count(b'":')):
        return []
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    depth = 0
    for token in _TOKEN.finditer(value):
        text, colon = token.groups()
        if text is None:
            depth += 1 if token[0] in b"{[" else -1
        elif colon and depth == 1:
            name: str = orjson.loads(text)
            if name in seen:
                repeated[name] = None
            seen.add(name)
    return list(repeated)
