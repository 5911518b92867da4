"""Produce requests: validation of the body, and the records in it.

In the JSON format a key or value reaches Kafka as its original text in the body, so that 1.50, 1e5, numbers beyond
64 bits and repeated names survive; Confluent's proxy would serialize it again.
"""

import base64
import binascii
import itertools
import json
import re
from collections.abc import Callable
from json.decoder import scanstring  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any, NamedTuple

import orjson

from emulators.services.kafka_rest.errors import malformed, unprocessable

_REQUEST_FIELDS = frozenset({"records", "key_schema", "key_schema_id", "value_schema", "value_schema_id"})
_RECORD_FIELDS = frozenset({"key", "value", "partition"})

_LONG_NUMBER = 20

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
            ProduceRecord(_serialized(record.get("key")), _serialized(record.get("value")), record.get("partition"))
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
        ProduceRecord(_decoded(index, record.get("key")), _decoded(index, record.get("value")), record.get("partition"))
        for index, record in enumerate(_checked(body)["records"])
    ]


def _is_as_orjson_writes(request: Any, body: bytes) -> bool:
    try:
        return orjson.dumps(request) == body
    except orjson.JSONEncodeError:
        return False  # nested too deeply to be serialized, although it was parsed


def _serialized(value: Any) -> bytes | None:
    return None if value is None else orjson.dumps(value)


def _checked(body: bytes) -> dict[str, Any]:
    """Return the validated request as plain values."""
    try:
        request = _parsed(body)
    except (ValueError, RecursionError) as error:
        index = _failing_record(body)
        location = "" if index is None else f", in records[{index}]"
        raise malformed(f"The request is not valid JSON{location}: {error}") from None
    if not isinstance(request, dict):
        raise unprocessable("The request must be an object with the field records")
    _reject_unknown(request, _REQUEST_FIELDS, "")
    records = request.get("records")
    if not isinstance(records, list) or not records:
        raise unprocessable("The field records must be a list of at least one record")
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            raise unprocessable(f"records[{index}]: A record must be an object")
        if not record.keys() <= _RECORD_FIELDS:
            _reject_unknown(record, _RECORD_FIELDS, f"records[{index}]: ")
        partition = record.get("partition")
        if partition is not None and (type(partition) is not int or not 0 <= partition < 2**31):
            raise unprocessable(f"records[{index}]: The partition must be an integer of at least 0")
    return request


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # orjson rejects numbers beyond a double and lone surrogates, which are valid JSON.
        try:
            return json.loads(body.decode(), parse_int=_short_int, parse_float=str, parse_constant=_refuse_constant)
        except ValueError:
            raise error from None


def _short_int(digits: str) -> int | str:
    """Return an integer, or one that no field of a request can have as its text: Python reads 4,300 digits."""
    return int(digits) if len(digits) < _LONG_NUMBER else digits


def _failing_record(body: bytes) -> int | None:
    """Return the index of the record at which a body ceases to be JSON, None if the fault is not in a record."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        text = body[: error.start].decode()
    records = re.search(r'"records"[ \t\r\n]*:[ \t\r\n]*\[', text)
    at = _after_blanks(text, records.end()) if records else len(text)
    for index in itertools.count():
        if text[at : at + 1] in ("", "]"):
            return None
        try:
            _, at = _strict_scan(text, at)
        except (StopIteration, ValueError, RecursionError):
            return index
        at = _after_blanks(text, at)
        at = _after_blanks(text, at + 1) if text[at : at + 1] == "," else at
    return None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_strict_decoder: Any = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)
_strict_scan: Callable[[str, int], tuple[Any, int]] = _strict_decoder.scan_once


def _reject_unknown(fields: dict[str, Any], allowed: frozenset[str], location: str) -> None:
    for name in fields:
        if name not in allowed:
            raise unprocessable(f"{location}Unrecognized field: {name.encode(errors='replace').decode()}")


def _decoded(index: int, text: Any) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise unprocessable(f"records[{index}]: Key and value must be base64 text in the binary format") from None


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
