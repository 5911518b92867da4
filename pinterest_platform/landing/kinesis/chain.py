"""The chain of a Kinesis shard (rule N8)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from pinterest_platform.catalog import SEQUENCE_DIGITS, SEQUENCE_FIELD, SHARD_FIELD, STREAMS_PREFIX
from pinterest_platform.landing.chain import ChainFolder, ChainFormat, ObjectChain, list_partitions
from pinterest_platform.ports import ObjectStore

FORMAT = ChainFormat((STREAMS_PREFIX,), "shard", SEQUENCE_DIGITS, SHARD_FIELD, SEQUENCE_FIELD)


@dataclass(frozen=True, slots=True)
class ShardChain(ObjectChain):
    """The objects of one shard; each is named after the sequence number that its predecessor ends with.

    Args:
        stream: the stream.
        shard: the shard's id.
        epoch: the epoch of a recreated stream that is landed next to an older one; None for the first epoch.
    """

    format: ClassVar[ChainFormat] = FORMAT
    stream: str
    shard: str
    epoch: str | None = None

    @property
    def partition_id(self) -> str:
        """The shard's id."""
        return self.shard

    @property
    def order(self) -> tuple[str, str]:
        """The chain's place among those of its stream: first epoch first, older shards before younger ones."""
        return self.epoch or "", self.shard

    @property
    def folder(self) -> ChainFolder:
        """The chain's folder."""
        return self.under(STREAMS_PREFIX)


def list_chains(store: ObjectStore, stream: str) -> list[ShardChain]:
    """Return every chain of a stream that has an object, first epoch first, older shards before younger ones."""
    chains = {
        ShardChain(stream, shard, epoch)
        for epoch, shard in list_partitions(store, stream, FORMAT)
        if re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", shard)
    }
    return sorted(chains, key=lambda chain: chain.order)
