"""Streams and shards in memory."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import md5

from emulators.services.kinesis import sequence
from emulators.services.kinesis.options import ACCOUNT

HASH_KEYS = 2**128
"""Number of hash keys; the largest key is one less."""

INDEX_BITS = 40
"""Bits of a record's id for its index in the shard; the higher bits are the shard's id."""
_SHARD_ID = re.compile(r"shardId-([0-9]{12})")


class Status(StrEnum):
    """A stream's state in DescribeStream."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    UPDATING = "UPDATING"
    DELETING = "DELETING"


@dataclass(slots=True, eq=False)
class Shard:
    """One shard.

    Args:
        id: its id in the database, never reused.
        number: its number in the stream, which determines its name.
        epoch: seconds; larger than that of its parents and of every stream created before.
        low: its first hash key.
        high: its last hash key.
        parents: numbers of its parent shards.
        opened_ms: time of its creation.
        closed_ms: time of its split or merge; None while it is open.
        first: index of the first record within retention.
        last: index of the last record; `first` - 1 if there is none.
        last_ms: arrival time of the last record.
    """

    id: int
    number: int
    epoch: int
    low: int
    high: int
    parents: tuple[int, ...]
    opened_ms: int
    closed_ms: int | None = None
    first: int = 1
    last: int = 0
    last_ms: int = 0
    prefix: int = field(init=False)
    base: int = field(init=False)

    def __post_init__(self) -> None:
        self.prefix = sequence.prefix(self.epoch, self.number)
        self.base = self.id << INDEX_BITS

    @property
    def name(self) -> str:
        """The ShardId."""
        return shard_name(self.number)

    @property
    def is_open(self) -> bool:
        """True if it accepts records."""
        return self.closed_ms is None

    @property
    def starting_number(self) -> str:
        """The StartingSequenceNumber."""
        return sequence.number(self.prefix, sequence.SHARD_START, self.epoch * 1000)

    @property
    def ending_number(self) -> str | None:
        """The EndingSequenceNumber; None while it is open."""
        return None if self.closed_ms is None else sequence.number(self.prefix, sequence.SHARD_END, self.closed_ms)


@dataclass(slots=True, eq=False)
class Stream:
    """One stream.

    Args:
        id: its id in the database, never reused.
        name: its name.
        created_ms: time of its creation.
        status: its last stored state.
        until_ms: end of a transition; None in ACTIVE.
        pending: the reshard that completes at the end of UPDATING.
        retention_hours: its retention period.
        mode: PROVISIONED or ON_DEMAND.
        record_kib: size limit of its records.
        next_shard: the number of the next shard.
        tags: its tags.
        shards: its shards by number, in the order of creation.
    """

    id: int
    name: str
    created_ms: int
    status: Status
    until_ms: int | None
    retention_hours: int
    mode: str
    record_kib: int
    pending: tuple[str, ...] = ()
    next_shard: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    shards: dict[int, Shard] = field(default_factory=dict)
    _lows: list[int] = field(default_factory=list)
    _open: list[Shard] = field(default_factory=list)

    def arn(self, region: str) -> str:
        """Return the StreamARN."""
        return f"arn:aws:kinesis:{region}:{ACCOUNT}:stream/{self.name}"

    @property
    def open_shards(self) -> list[Shard]:
        """The open shards by hash key; they cover every hash key exactly once."""
        return self._open

    def routes_changed(self) -> None:
        """Update the routes after shards were opened or closed."""
        self._open = sorted((shard for shard in self.shards.values() if shard.is_open), key=lambda shard: shard.low)
        self._lows = [shard.low for shard in self._open]

    def route(self, hash_key: int) -> Shard:
        """Return the open shard of a hash key."""
        return self._open[bisect_right(self._lows, hash_key) - 1]

    def horizon_ms(self, now_ms: int) -> int:
        """Return the arrival time before which records have expired."""
        return now_ms - self.retention_hours * 3_600_000

    def retained(self, now_ms: int) -> list[Shard]:
        """Return the shards that can hold records: open ones, and closed ones within retention."""
        horizon = self.horizon_ms(now_ms)
        return [shard for shard in self.shards.values() if shard.closed_ms is None or shard.closed_ms >= horizon]

    def children(self, shard: Shard) -> list[Shard]:
        """Return the shards that a split or merge of this one opened."""
        return [child for child in self.shards.values() if shard.number in child.parents]


def shard_name(number: int) -> str:
    """Return the ShardId of a number."""
    return f"shardId-{number:012d}"


def shard_number(name: str) -> int | None:
    """Return the number of a ShardId; None if it is invalid."""
    match = _SHARD_ID.fullmatch(name)
    return int(match.group(1)) if match else None


def hash_key(partition_key: str) -> int:
    """Return the hash key of a partition key: its MD5 as a number."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def even_ranges(count: int) -> list[tuple[int, int]]:
    """Return all hash keys as `count` even ranges: first and last hash key of each."""
    width = HASH_KEYS // count
    lows = [width * index for index in range(count)]
    return list(zip(lows, [low - 1 for low in (*lows[1:], HASH_KEYS)], strict=True))
