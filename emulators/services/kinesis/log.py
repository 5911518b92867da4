"""The records of shards: append, search by time, read in pages, trim by retention.

The indices of a shard have no gaps and its arrival times never decrease, so a time is found by bisection.
"""

from dataclasses import dataclass

from emulators.services.journal import Row
from emulators.services.kinesis import sequence
from emulators.services.kinesis.clock import Clock
from emulators.services.kinesis.model import Shard, Stream
from emulators.services.kinesis.options import LARGEST_RESPONSE
from emulators.services.kinesis.tables import Tables


@dataclass(frozen=True, slots=True)
class Page:
    """One page of records.

    Args:
        records: the records, in order.
        following: the next index to read.
        size: bytes of data and partition keys.
        behind_ms: age of the last record if there are more, at least 1; 0 at the tip.
    """

    records: list[Row]
    following: int
    size: int
    behind_ms: int


class Log:
    """The records of all shards.

    Args:
        tables: the tables of the database.
        clock: the server's clock.
    """

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def append(self, shard: Shard, key: str, data: bytes) -> str:
        """Append a record to an open shard; return its sequence number."""
        arrived_ms = max(self._clock.now_ms(), shard.last_ms)
        shard.last += 1
        shard.last_ms = arrived_ms
        self._tables.add(shard, shard.last, arrived_ms, key, data)
        return sequence.number(shard.prefix, shard.last, arrived_ms)

    def first_since(self, shard: Shard, at_ms: int) -> int:
        """Return the index of the first record that arrived at a time or later, `last` + 1 if there is none."""
        low, high = shard.first, shard.last + 1
        while low < high:
            middle = (low + high) // 2
            if self._tables.arrived_ms(shard, middle) < at_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def read(self, stream: Stream, shard: Shard, start: int, limit: int) -> Page:
        """Read records within retention, up to the size of a response but at least one.

        Args:
            stream: the shard's stream.
            shard: the shard.
            start: the first index.
            limit: the most records to return.
        """
        now_ms = self._clock.now_ms()
        start = max(start, shard.first)
        if start <= shard.last and self._tables.arrived_ms(shard, start) < stream.horizon_ms(now_ms):
            start = self.first_since(shard, stream.horizon_ms(now_ms))
        records: list[Row] = []
        size = 0
        for row in self._tables.records(shard, start, limit):
            size += len(row[3]) + len(row[2])
            if size > LARGEST_RESPONSE and records:
                size -= len(row[3]) + len(row[2])
                break
            records.append(row)
        following = start + len(records)
        behind = max(1, now_ms - records[-1][1]) if records and following <= shard.last else 0
        return Page(records, following, size, behind)

    def trim(self, stream: Stream, shard: Shard) -> None:
        """Move a shard's first index past the expired records, permanently."""
        first = self.first_since(shard, stream.horizon_ms(self._clock.now_ms()))
        if first != shard.first:
            shard.first = first
            self._tables.save_shard(stream, shard)
