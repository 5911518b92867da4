"""The number and size of the objects of a topic."""

from pinterest_platform.landing.kafka.chain import list_chains
from pinterest_platform.landing.kafka.history import read_history
from pinterest_platform.landing.size import LandedSize, size_of_chains
from pinterest_platform.ports import ObjectStore


def landed_size(store: ObjectStore, topic: str) -> LandedSize:
    """Return the number and bytes of the objects that were landed from a topic.

    Raises:
        PermanentFailure: the chain of a partition cannot be read.
    """
    return size_of_chains(store, list_chains(store, topic), read_history)
