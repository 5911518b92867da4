"""The number and size of the objects of a stream."""

from pinterest_platform.landing.kinesis.chain import list_chains
from pinterest_platform.landing.kinesis.history import read_history
from pinterest_platform.landing.size import LandedSize, size_of_chains
from pinterest_platform.ports import ObjectStore


def landed_size(store: ObjectStore, stream: str) -> LandedSize:
    """Return the number and bytes of the objects that were landed from a stream.

    Raises:
        PermanentFailure: the chain of a shard cannot be read.
    """
    return size_of_chains(store, list_chains(store, stream), read_history)
