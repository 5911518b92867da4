"""The chain of a Kinesis shard."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pinterest_platform.catalog import SEQUENCE_DIGITS, STREAMS_PREFIX
from pinterest_platform.landing.chain import ObjectChain, list_folders
from pinterest_platform.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class ShardChain(ObjectChain):
    """The objects of one shard: each is named by the sequence number that its predecessor ends with, 129 digits.

    Args:
        stream: the stream.
        shard: the shard's id.
        epoch: the epoch of a stream made anew that lands beside an older one; None for the first epoch.
        digits: digits of a position in names.
    """

    stream: str
    shard: str
    epoch: str | None = None
    digits: int = SEQUENCE_DIGITS

    @property
    def label(self) -> str:
        """What its folders call a branch."""
        return "shard"

    @property
    def branch(self) -> str:
        """The shard's id."""
        return self.shard


def list_chains(store: ObjectStore, stream: str) -> list[ShardChain]:
    """Every chain of a Kinesis stream that has an object, first epoch first, older shards before younger ones."""
    base = f"{STREAMS_PREFIX}{stream}/"
    found: set[ShardChain] = set()
    for folder in list_folders(store, base):
        if folder.startswith("epoch="):
            within = list_folders(store, f"{base}{folder}/")
            found.update(replace(chain, epoch=folder.removeprefix("epoch=")) for chain in _shards(stream, within))
        found.update(_shards(stream, iter([folder])))
    return sorted(found, key=lambda chain: (chain.epoch or "", chain.shard))


def _shards(stream: str, folders: Iterator[str]) -> Iterator[ShardChain]:
    for folder in folders:
        if match := re.fullmatch(r"shard=([A-Za-z0-9_.-]{1,128})", folder):
            yield ShardChain(stream, match[1])
