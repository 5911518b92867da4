"""The quarantine of a stream."""

from collections.abc import Iterator

from pinterest_platform.landing import quarantine
from pinterest_platform.landing.kinesis.chain import list_chains
from pinterest_platform.landing.kinesis.history import History, read_history
from pinterest_platform.landing.quarantine import QuarantinedRecord
from pinterest_platform.ports import ObjectStore


def quarantined_records(store: ObjectStore, stream: str) -> Iterator[QuarantinedRecord]:
    """Yield the rejected records of a stream by epoch, shard and sequence number, without those of orphans."""
    for history in _histories(store, stream):
        yield from quarantine.committed_records(store, history)


def quarantine_orphans(store: ObjectStore, stream: str) -> list[str]:
    """Return the keys of the orphans of every shard and epoch of a stream."""
    return [key for history in _histories(store, stream) for key in quarantine.quarantine_orphans(store, history)]


def _histories(store: ObjectStore, stream: str) -> Iterator[History]:
    return (read_history(store, chain) for chain in list_chains(store, stream))
