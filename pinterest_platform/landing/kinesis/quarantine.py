"""The quarantine of a stream."""

from pinterest_platform.landing import quarantine
from pinterest_platform.landing.kinesis.chain import list_chains
from pinterest_platform.landing.kinesis.history import read_history
from pinterest_platform.ports import ObjectStore


def quarantine_orphans(store: ObjectStore, stream: str) -> list[str]:
    """Return the keys of the orphans of every shard and epoch of a stream."""
    histories = (read_history(store, chain) for chain in list_chains(store, stream))
    return [key for history in histories for key in quarantine.quarantine_orphans(store, history)]
