"""Streams and shards as the server holds them in memory."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import md5

from emulators.services.kinesis import sequence
from emulators.services.kinesis.options import ACCOUNT

HASH_KEYS = 2**128
"""How many hash keys there are; the largest is one less."""

INDEX_BITS = 40
"""Bits of a record's id that hold its index in the shard; the rest is the id of the shard."""
_SHARD_ID = re.compile(r"shardId-([0-9]{12})")


class Status(StrEnum):
    """A stream's state, as DescribeStream gives it."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    UPDATING = "UPDATING"
    DELETING = "DELETING"


@dataclass(slots=True, eq=False)
class Shard:
    """One shard.

    Args:
        id: its id in the database, never used again.
        number: its place in the stream, from which its name is made.
        epoch: seconds; larger than that of its parents and of every stream created before.
        low: its first hash key.
        high: its last hash key.
        parents: numbers of the shards that it came from.
        opened_ms: when it was opened.
        closed_ms: when it was split or merged; None while it takes records.
        first: index of the first record that retention has not taken.
        last: index of the last record; `first` - 1 where there is none.
        last_ms: arrival of the last record.
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
        """Whether it takes records."""
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
        id: its id in the database, never used again.
        name: its name.
        created_ms: when it was created.
        status: its state as it was last settled.
        until_ms: when a passing state ends; None in ACTIVE.
        pending: the reshard that an UPDATING stream will then have gone through.
        retention_hours: how long it keeps records.
        mode: PROVISIONED or ON_DEMAND.
        record_kib: its largest record.
        next_shard: the number of the next shard.
        tags: its tags.
        shards: its shards by number, in the order in which they were opened.
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
        """The StreamARN."""
        return f"arn:aws:kinesis:{region}:{ACCOUNT}:stream/{self.name}"

    @property
    def open_shards(self) -> list[Shard]:
        """The open shards by hash key: together they cover every hash key once."""
        return self._open

    def routes_changed(self) -> None:
        """Take note of shards opened or closed."""
        self._open = sorted((shard for shard in self.shards.values() if shard.is_open), key=lambda shard: shard.low)
        self._lows = [shard.low for shard in self._open]

    def route(self, hash_key: int) -> Shard:
        """The open shard that takes a hash key."""
        return self._open[bisect_right(self._lows, hash_key) - 1]

    def horizon_ms(self, now_ms: int) -> int:
        """The arrival time before which records are out of retention."""
        return now_ms - self.retention_hours * 3_600_000

    def retained(self, now_ms: int) -> list[Shard]:
        """The shards that can still hold records: open ones, and closed ones within retention."""
        horizon = self.horizon_ms(now_ms)
        return [shard for shard in self.shards.values() if shard.closed_ms is None or shard.closed_ms >= horizon]

    def children(self, shard: Shard) -> list[Shard]:
        """The shards that a split or merge of this one opened."""
        return [child for child in self.shards.values() if shard.number in child.parents]


def shard_name(number: int) -> str:
    """The ShardId of a number."""
    return f"shardId-{number:012d}"


def shard_number(name: str) -> int | None:
    """The number of a ShardId; None where it is none."""
    match = _SHARD_ID.fullmatch(name)
    return int(match.group(1)) if match else None


def hash_key(partition_key: str) -> int:
    """The hash key of a partition key: its MD5 as a number."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def even_ranges(count: int) -> list[tuple[int, int]]:
    """All hash keys cut into `count` ranges of one width, first and last hash key of each."""
    width = HASH_KEYS // count
    lows = [width * place for place in range(count)]
    return list(zip(lows, [low - 1 for low in (*lows[1:], HASH_KEYS)], strict=True))
