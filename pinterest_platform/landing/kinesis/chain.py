"""The chain of a Kinesis shard (rule N8)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from pinterest_platform.catalog import SEQUENCE_DIGITS, SEQUENCE_FIELD, SHARD_FIELD, STREAMS_PREFIX
from pinterest_platform.landing.chain import ChainFormat, ObjectChain, list_entries
from pinterest_platform.ports import ObjectStore

FORMAT = ChainFormat((STREAMS_PREFIX,), "shard", SEQUENCE_DIGITS, SHARD_FIELD, SEQUENCE_FIELD, step=0)


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
        """The chain's place among those of its stream: first epoch first, older shards before newer ones."""
        return self.epoch or "", self.shard


@dataclass(frozen=True, slots=True)
class StreamListing:
    """The folders of a stream.

    Attributes:
        chains: every chain that has an object, first epoch first, older shards before newer ones.
        foreign_keys: objects outside the folders of shards; of each other folder, the first object.
    """

    chains: tuple[ShardChain, ...]
    foreign_keys: tuple[str, ...]


def list_chains(store: ObjectStore, stream: str) -> list[ShardChain]:
    """Return every chain of a stream that has an object, first epoch first, older shards before newer ones."""
    return list(list_stream(store, stream).chains)


def list_stream(store: ObjectStore, stream: str) -> StreamListing:
    """List the folders of a stream, by one short LIST for each, however many objects they hold."""

    def chain_of(shard: str, epoch: str | None) -> ShardChain | None:
        return ShardChain(stream, shard, epoch) if re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", shard) else None

    entries = list(list_entries(store, f"{STREAMS_PREFIX}{stream}/", FORMAT.label, chain_of))
    chains = {entry for entry in entries if isinstance(entry, ShardChain)}
    return StreamListing(
        tuple(sorted(chains, key=lambda chain: chain.order)),
        tuple(sorted(entry for entry in entries if isinstance(entry, str))),
    )


def foreign_problem(key: str) -> str:
    """Return the problem of an object that is not landed because of its folder or name."""
    return (
        f"{key} is not landed: its folder and name are not those of an object of this stream "
        "(shard=<id>/<stream>+<id>+<sequence number>.json)"
    )
