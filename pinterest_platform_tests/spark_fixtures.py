"""An embedded engine for tests, one a process, and helpers that tests of Spark jobs share."""

import atexit
import functools
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from pinterest_platform.catalog import READABLE_FIELD, REPEATED_FIELD, RESERVED_FIELDS, kinds
from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.kinds import ObservedKinds
from pinterest_platform.ports import Record
from pinterest_platform.spark_jobs import sessions

STREAM = "u.topic"
NOON = 1_700_000_000_000
"""An arrival time in ms."""


@functools.cache
def engine() -> SparkSession:
    server, remote = sessions.start_embedded()
    atexit.register(server.stop)
    session = sessions.connect(remote)
    atexit.register(session.stop)
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return session


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    return engine()


def lines(
    values: Iterable[bytes | Mapping[str, Any]], partition: int = 0, start: int = 0, times: Iterable[int] | None = None
) -> list[bytes]:
    """Return posted values as landing writes them; a value that it would quarantine is an error.

    One arrives in each millisecond from NOON on, or `times` has the milliseconds after NOON.
    """
    encoder = PartitionEncoder(partition)
    encoded: list[bytes] = []
    for offset, (time, value) in enumerate(
        zip(count(start) if times is None else times, values, strict=False), start=start
    ):
        line = encoder.line(Record(offset, NOON + time, value if isinstance(value, bytes) else as_json(value)))
        assert isinstance(line, bytes), line
        encoded.append(line)
    return encoded


def kinds_of(content: Iterable[bytes]) -> kinds.Kinds | None:
    """Return the kinds that landing observes in these lines (rule L22)."""
    observed = ObservedKinds()
    for line in content:
        if f'"{READABLE_FIELD}"'.encode() in line or f'"{REPEATED_FIELD}"'.encode() in line:
            return None
        fields = orjson.loads(line)
        posted = {name: value for name, value in fields.items() if name not in RESERVED_FIELDS}
        observed.add(posted, tuple(map(type, posted.values())))
    text = observed.text()
    return kinds.from_text(text) if text else None


def as_json(value: Mapping[str, Any]) -> bytes:
    """Return a record as a poster writes it: numbers of any size, times as ISO text."""
    return json.dumps(value, ensure_ascii=False, default=datetime.isoformat).encode()


def write_object(path: Path, content: Iterable[bytes]) -> str:
    """Write lines as an object; return its address."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(content))
    return str(path)


def table_rows(uri: str, order: str | None = "ind") -> list[dict[str, Any]]:
    """Return the rows of a Delta table as deltalake reads them, independent of the engine."""
    rows = DeltaTable(uri).to_pyarrow_table().to_pylist()
    return rows if order is None else sorted(rows, key=lambda row: row[order])
