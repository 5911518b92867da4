"""The quarantine of a topic."""

from pinterest_platform.landing import quarantine
from pinterest_platform.landing.kafka.chain import FORMAT, list_chains
from pinterest_platform.landing.kafka.history import read_history
from pinterest_platform.ports import ObjectStore


def count_quarantined(store: ObjectStore, topic: str) -> int:
    """Return the number of rejected records of a topic, from the manifests of the objects that have some.

    Raises:
        PermanentFailure: a manifest is missing or damaged.
    """
    return quarantine.count_records(store, topic, FORMAT)


def quarantine_orphans(store: ObjectStore, topic: str) -> list[str]:
    """Return the keys of the orphans of every partition and epoch of a topic."""
    histories = (read_history(store, chain) for chain in list_chains(store, topic))
    return [key for history in histories for key in quarantine.quarantine_orphans(store, history)]
