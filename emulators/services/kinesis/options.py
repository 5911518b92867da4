"""Settings of the server."""

from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
ACCOUNT = "000000000000"

LARGEST_REQUEST = 10 * MIB
"""Largest PutRecords request in bytes of data and partition keys, and upper limit of one record."""
LARGEST_RESPONSE = 10 * MIB
"""Largest GetRecords response in bytes of data and partition keys."""


@dataclass(frozen=True, slots=True)
class Options:
    """The server's settings.

    Args:
        data: the folder that holds the database.
        port: the port on 127.0.0.1; 0 chooses a free one.
        region: region in stream ARNs.
        transition_ms: duration of CREATING, UPDATING and DELETING in milliseconds.
        iterator_seconds: lifetime of shard iterators and page tokens.
        record_kib: largest record in KiB of a stream that was created without MaxRecordSizeInKiB.
        shard_limit: limit of open shards of all streams.
        throughput_limits: whether the service's limits per shard are enforced.
        controls: whether tests may inject faults and advance the clock, by POST /_faults and /_clock.
        sweep_seconds: interval at which expired records are removed from disk; they are invisible before.
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
