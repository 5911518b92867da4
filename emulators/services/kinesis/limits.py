"""The service's throughput limits of a shard, as token buckets with a capacity of one second."""

from emulators.services.kinesis.model import Shard
from emulators.services.kinesis.options import MIB

PUT_RECORDS = 1000
PUT_BYTES = MIB
READS = 5
READ_BYTES = 2 * MIB


class Bucket:
    """A token bucket with a capacity of one second.

    Args:
        rate: tokens per second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._level = rate
        self._at_ms: int | None = None

    def level(self, now_ms: int) -> float:
        """Return the tokens at a time; negative if more were taken than available."""
        if self._at_ms is not None:
            self._level = min(self._rate, self._level + self._rate * max(0, now_ms - self._at_ms) / 1000)
        self._at_ms = now_ms
        return self._level

    def has(self, amount: float, now_ms: int) -> bool:
        """Return whether an amount is available; a full bucket allows any amount, so that large records can pass."""
        level = self.level(now_ms)
        return level >= amount or level >= self._rate

    def take(self, amount: float) -> None:
        """Take tokens, available or not."""
        self._level -= amount


class ShardLimits:
    """The limits of all shards.

    Args:
        enforced: whether the limits apply.
    """

    def __init__(self, enforced: bool) -> None:
        self._enforced = enforced
        self._buckets: dict[tuple[int, str], Bucket] = {}

    def may_put(self, shard: Shard, size: int, now_ms: int) -> bool:
        """Return whether a shard accepts a record of that size now, and count it if so."""
        if not self._enforced:
            return True
        records, data = self._bucket(shard, "put", PUT_RECORDS), self._bucket(shard, "put_bytes", PUT_BYTES)
        if not (records.has(1, now_ms) and data.has(size, now_ms)):
            return False
        records.take(1)
        data.take(size)
        return True

    def may_read(self, shard: Shard, now_ms: int) -> bool:
        """Return whether a shard can be read now, and count the call if so."""
        if not self._enforced:
            return True
        calls = self._bucket(shard, "read", READS)
        if not calls.has(1, now_ms) or self._bucket(shard, "read_bytes", READ_BYTES).level(now_ms) <= 0:
            return False
        calls.take(1)
        return True

    def count_read(self, shard: Shard, size: int) -> None:
        """Count the bytes of a response: a large one throttles the shard for the corresponding seconds."""
        if self._enforced:
            self._bucket(shard, "read_bytes", READ_BYTES).take(size)

    def _bucket(self, shard: Shard, kind: str, rate: float) -> Bucket:
        return self._buckets.setdefault((shard.id, kind), Bucket(rate))
