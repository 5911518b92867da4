"""Rows from a folder of pin.jsonl, geo.jsonl and user.jsonl, loaded unchanged or not at all."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, DateTime, Double, Integer, Table

from emulators.failures import EmulatorFailure
from emulators.source_db.database import Chunk
from emulators.source_db.tables import TABLES, key_of

CHUNK_ROWS = 5000
_DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?")


def read_folder(folder: Path) -> Iterator[Chunk]:
    """Yield the rows of the three files, one file after the other, in chunks.

    Args:
        folder: holds pin.jsonl, geo.jsonl and user.jsonl: one JSON object a line, fields named as the columns.
            A missing field or null becomes NULL; a timestamp is written with a blank or a T, and without a zone.

    Raises:
        EmulatorFailure: a file is missing, or a line does not fit the table; the message names file and line.
    """
    files = {entity: folder / f"{entity}.jsonl" for entity in TABLES}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        raise EmulatorFailure(
            f"{folder} has no {' and no '.join(missing)}.",
            "Name a folder that holds pin.jsonl, geo.jsonl and user.jsonl.",
        )
    for entity, path in files.items():
        for rows in _read_file(path, TABLES[entity]):
            yield {entity: rows}


def _read_file(path: Path, table: Table) -> Iterator[list[dict[str, Any]]]:
    readers = {column.name: _reader(column) for column in table.columns}
    key = key_of(table).name
    lines_by_key: dict[int, int] = {}
    rows: list[dict[str, Any]] = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = _row(line, readers)
                if row[key] is None:
                    raise ValueError(f"{key} is missing")
                first = lines_by_key.setdefault(row[key], number)
                if first != number:
                    raise ValueError(f"{key} {row[key]} is on line {first} already")
            except ValueError as error:
                raise EmulatorFailure(
                    f"{path}, line {number}: {error}.", "Fix the line and load again; the tables are unchanged."
                ) from None
            rows.append(row)
            if len(rows) == CHUNK_ROWS:
                yield rows
                rows = []
    yield rows


def _row(line: bytes, readers: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg})") from None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    unknown = sorted(fields.keys() - readers.keys())
    if unknown:
        raise ValueError(f"the table has no column {', '.join(unknown)}")
    row: dict[str, Any] = {}
    for name, read in readers.items():
        value = fields.get(name)
        try:
            row[name] = None if value is None else read(value)
        except ValueError as error:
            raise ValueError(f"{name} is {error}") from None
    return row


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, DateTime):
        return _datetime
    if isinstance(column.type, Double):
        return _double
    if isinstance(column.type, BigInteger):
        return lambda value: _integer(value, 64)
    if isinstance(column.type, Integer):
        return lambda value: _integer(value, 32)
    return _text


def _integer(value: Any, bits: int) -> int:
    if type(value) is not int or not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise ValueError(f"{_shown(value)}, not an integer of {bits} bits")
    return value


def _double(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"{_shown(value)}, not a number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)}, not a text")
    return value


def _datetime(value: Any) -> datetime:
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"{_shown(value)}, not a time such as 2021-07-26T03:32:26")


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"
