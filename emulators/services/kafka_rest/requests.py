"""Produce requests: validation of the body, and the records in it.

In the JSON format a key or value reaches Kafka as its original text in the body, so that 1.50, 1e5, numbers beyond
64 bits and repeated names survive; Confluent's proxy would serialize it again.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from json.decoder import scanstring  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any, NamedTuple

import orjson

from emulators.services.kafka_rest.errors import malformed, unprocessable

_REQUEST_FIELDS = frozenset({"records", "key_schema", "key_schema_id", "value_schema", "value_schema_id"})
_RECORD_FIELDS = frozenset({"key", "value", "partition"})

_skip_blanks: Callable[[str, int], Any] = re.compile(r"[ \t\r\n]*").match
# Only the end of a value is needed, so numbers are not evaluated.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(parse_int=str, parse_float=str).scan_once  # pyright: ignore


class ProduceRecord(NamedTuple):
    """A record for Kafka; with `partition` None the partitioner chooses by key or at random."""

    key: bytes | None
    value: bytes | None
    partition: int | None


def read_json(body: bytes) -> list[ProduceRecord]:
    """Return the records of a body in the JSON format.

    Raises:
        RestError: 400 if it is not JSON, 422 if it is not a produce request.
    """
    request = _checked(body)
    records = request["records"]
    if _is_as_orjson_writes(request, body):
        # Then so is every part of it, and serializing the parts is faster than slicing them.
        return [
            ProduceRecord(_written(record.get("key")), _written(record.get("value")), record.get("partition"))
            for record in records
        ]
    try:
        slices = _Slices(body.decode())
    except RecursionError:
        raise malformed("The request is nested too deeply.") from None
    return [
        ProduceRecord(texts.get("key"), texts.get("value"), record.get("partition"))
        for texts, record in zip(slices.records, records, strict=True)
    ]


def read_binary(body: bytes) -> list[ProduceRecord]:
    """Return the records of a body in the binary format, where keys and values are base64.

    Raises:
        RestError: 400 if it is not JSON, 422 if it is not a produce request or not base64.
    """
    return [
        ProduceRecord(_decoded(record.get("key")), _decoded(record.get("value")), record.get("partition"))
        for record in _checked(body)["records"]
    ]


def _is_as_orjson_writes(request: Any, body: bytes) -> bool:
    try:
        return orjson.dumps(request) == body
    except orjson.JSONEncodeError:
        return False  # nested too deeply to be serialized, although it was parsed


def _written(value: Any) -> bytes | None:
    return None if value is None else orjson.dumps(value)


def _checked(body: bytes) -> dict[str, Any]:
    """Return the validated request as plain values."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"The request is not valid JSON: {error}") from None
    if not isinstance(request, dict):
        raise unprocessable("The request must be an object with the field records")
    _reject_unknown(request, _REQUEST_FIELDS)
    records = request.get("records")
    if not isinstance(records, list) or not records:
        raise unprocessable("The field records must be a list of at least one record")
    for record in records:
        if not isinstance(record, dict):
            raise unprocessable("A record must be an object")
        if not record.keys() <= _RECORD_FIELDS:
            _reject_unknown(record, _RECORD_FIELDS)
        partition = record.get("partition")
        if partition is not None and (type(partition) is not int or not 0 <= partition < 2**31):
            raise unprocessable("A record's partition must be an integer from 0 on")
    return request


def _reject_unknown(fields: dict[str, Any], allowed: frozenset[str]) -> None:
    for name in fields:
        if name not in allowed:
            raise unprocessable(f"Unrecognized field: {name}")


def _decoded(text: Any) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise unprocessable("Keys and values must be base64 text in the binary format") from None


class _Slices:
    """The texts of keys and values, sliced out of the body of a valid produce request.

    Args:
        text: the body.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.records: list[dict[str, bytes]] = []
        self._each_member(_after_blanks(text, 0), self._top_level)

    def _top_level(self, name: str, at: int) -> int:
        if name != "records":
            return _scan(self._text, at)[1]
        self.records = []
        return self._each_element(at)

    def _each_element(self, at: int) -> int:
        while True:
            record: dict[str, bytes] = {}

            def cut(name: str, start: int, record: dict[str, bytes] = record) -> int:
                value, end = _scan(self._text, start)
                if value is None:
                    record.pop(name, None)
                else:
                    record[name] = self._text[start:end].encode()
                return end

            at = self._each_member(_after_blanks(self._text, at + 1), cut)
            self.records.append(record)
            at = _after_blanks(self._text, at)
            if self._text[at] == "]":
                return at + 1

    def _each_member(self, at: int, value_end: Callable[[str, int], int]) -> int:
        """Walk the object that begins at `at`; `value_end` gets each name and the position of its value."""
        text = self._text
        at = _after_blanks(text, at + 1)
        while text[at] != "}":
            name, at = scanstring(text, at + 1)
            at = _after_blanks(text, at)
            at = value_end(name, _after_blanks(text, at + 1))
            at = _after_blanks(text, at)
            if text[at] == ",":
                at = _after_blanks(text, at + 1)
        return at + 1


def _after_blanks(text: str, at: int) -> int:
    return _skip_blanks(text, at).end()
