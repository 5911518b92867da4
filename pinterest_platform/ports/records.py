"""Records of a topic or shard."""

from typing import NamedTuple


class Record(NamedTuple):
    """A record of a log.

    Fields: its position (an offset or, in a shard, a sequence number), its append time in ms since the epoch (UTC),
    its value (None for a tombstone; shards have none), and the key of a tombstone. Keys of other records are not read.
    """

    position: int
    timestamp_ms: int
    value: bytes | None
    key: bytes | None = None
