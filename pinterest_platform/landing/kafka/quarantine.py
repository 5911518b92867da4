"""The quarantine of a topic."""

from collections.abc import Iterator

from pinterest_platform.landing import quarantine
from pinterest_platform.landing.kafka.chain import FORMAT, list_chains
from pinterest_platform.landing.kafka.history import History, read_history
from pinterest_platform.landing.quarantine import QuarantinedRecord
from pinterest_platform.ports import ObjectStore


def quarantined_records(store: ObjectStore, topic: str) -> Iterator[QuarantinedRecord]:
    """Yield the rejected records of a topic by epoch, partition and offset, without those of orphans."""
    for history in _histories(store, topic):
        yield from quarantine.committed_records(store, history)


def count_quarantined(store: ObjectStore, topic: str) -> int:
    """Return the number of rejected records of a topic, from the manifests of the objects that have some.

    Raises:
        PermanentFailure: a manifest is missing or damaged.
    """
    return quarantine.count_records(store, topic, FORMAT)


def quarantine_orphans(store: ObjectStore, topic: str) -> list[str]:
    """Return the keys of the orphans of every partition and epoch of a topic."""
    return [key for history in _histories(store, topic) for key in quarantine.quarantine_orphans(store, history)]


def _histories(store: ObjectStore, topic: str) -> Iterator[History]:
    return (read_history(store, chain) for chain in list_chains(store, topic))
