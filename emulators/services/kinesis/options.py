"""What can be set when the server starts."""

from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
ACCOUNT = "000000000000"

LARGEST_REQUEST = 10 * MIB
"""Bytes of data and partition keys that one PutRecords takes, and one record at the very most."""
LARGEST_ANSWER = 10 * MIB
"""Bytes of data and partition keys that one GetRecords returns."""


@dataclass(frozen=True, slots=True)
class Options:
    """The server's settings.

    Args:
        data: the folder that holds the database.
        port: the port on 127.0.0.1; 0 takes a free one.
        region: what stands in stream ARNs.
        transition_ms: how long a stream is CREATING, UPDATING or DELETING, in milliseconds.
        iterator_seconds: how long a shard iterator or a page token lives.
        record_kib: largest record of a stream that was created without MaxRecordSizeInKiB, in KiB.
        shard_limit: open shards that all streams together may have.
        throughput_limits: whether the service's limits per shard hold.
        controls: whether tests may inject faults and move the clock, by POST /_faults and /_clock.
        sweep_seconds: how often records past retention are removed from disk; they are out of sight before.
    """

    data: Path
    port: int = 0
    region: str = "us-east-1"
    transition_ms: int = 200
    iterator_seconds: int = 300
    record_kib: int = 1024
    shard_limit: int = 500
    throughput_limits: bool = False
    controls: bool = False
    sweep_seconds: float = 5.0
