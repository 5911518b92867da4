"""How landed objects are named: by the position that they extend (ARCHITECTURE "Landing exactly once" 1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pinterest_platform.entities import QUARANTINE_PREFIX, SEQUENCE_DIGITS, STREAMS_PREFIX, TOPICS_PREFIX
from pinterest_platform.ports import ObjectStore

OFFSET_DIGITS = 19
"""Digits of the largest 64-bit offset."""


class ChainNames:
    """How the objects of a chain are named: what partitions and shards have in common.

    A chain has a stream, an epoch, the digits of a position in names, a `label` such as `partition`, and a `branch`,
    the partition or shard within the stream.
    """

    __slots__ = ()
    stream: str
    epoch: str | None
    digits: int

    @property
    def label(self) -> str:
        """What its folders call a branch."""
        raise NotImplementedError

    @property
    def branch(self) -> str:
        """Which part of the stream it is."""
        raise NotImplementedError

    @property
    def app_id(self) -> str:
        """The name under which consumers keep their position in this chain."""
        middle = f"epoch={self.epoch}/" if self.epoch else ""
        return f"{self.stream}/{middle}{self.branch}"

    def folder(self, root: str) -> str:
        """The prefix of this chain's keys under a root such as `topics/`."""
        middle = f"epoch={self.epoch}/" if self.epoch else ""
        return f"{root}{self.stream}/{middle}{self.label}={self.branch}/"

    def key(self, root: str, position: int) -> str:
        """The key of the object that extends the chain from `position`."""
        return f"{self.folder(root)}{self.stream}+{self.branch}+{position:0{self.digits}d}.json"

    def quarantine_folder(self, root: str) -> str:
        """The prefix of what was not accepted while landing under `root`."""
        return f"{QUARANTINE_PREFIX}{self.folder(root)}"

    def quarantine_key(self, root: str, position: int, end: int) -> str:
        """Where an object's rejected records stand; it carries the range, as two landers' ranges may differ."""
        name = f"{self.stream}+{self.branch}+{position:0{self.digits}d}+{end:0{self.digits}d}.json"
        return f"{self.quarantine_folder(root)}{name}"

    def quarantine_range(self, key: str) -> tuple[int, int] | None:
        """The position and end in a quarantine key, or None where it is no such key."""
        match = re.search(rf"\+([0-9]{{{self.digits}}})\+([0-9]{{{self.digits}}})\.json$", key)
        return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True, slots=True)
class Chain(ChainNames):
    """The objects of one partition of one stream in one epoch: each begins where its predecessor ends.

    Args:
        stream: the topic.
        partition: the partition's number.
        epoch: the topic id where a topic made anew lands beside an older one; None for the first epoch.
        digits: digits of a position in names.
    """

    stream: str
    partition: int
    epoch: str | None = None
    digits: int = OFFSET_DIGITS

    @property
    def label(self) -> str:
        """What its folders call a branch."""
        return "partition"

    @property
    def branch(self) -> str:
        """The partition's number."""
        return str(self.partition)


@dataclass(frozen=True, slots=True)
class ShardChain(ChainNames):
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


def chains(store: ObjectStore, stream: str, *roots: str) -> list[Chain]:
    """Every chain of a stream that has an object under one of the roots, first epoch first."""
    found: set[Chain] = set()
    for root in roots or (TOPICS_PREFIX,):
        base = f"{root}{stream}/"
        for folder in _folders(store, base):
            if folder.startswith("epoch="):
                epoch = folder.removeprefix("epoch=")
                found.update(
                    replace(chain, epoch=epoch) for chain in _partitions(stream, _folders(store, f"{base}{folder}/"))
                )
        found.update(_partitions(stream, _folders(store, base)))
    return sorted(found, key=lambda chain: (chain.epoch or "", chain.partition))


def _partitions(stream: str, folders: Iterator[str]) -> Iterator[Chain]:
    for folder in folders:
        if match := re.fullmatch(r"partition=([0-9]{1,9})", folder):
            yield Chain(stream, int(match[1]))


def shard_chains(store: ObjectStore, stream: str) -> list[ShardChain]:
    """Every chain of a Kinesis stream that has an object, first epoch first, older shards before younger ones."""
    base = f"{STREAMS_PREFIX}{stream}/"
    found: set[ShardChain] = set()
    for folder in _folders(store, base):
        if folder.startswith("epoch="):
            within = _folders(store, f"{base}{folder}/")
            found.update(replace(chain, epoch=folder.removeprefix("epoch=")) for chain in _shards(stream, within))
        found.update(_shards(stream, iter([folder])))
    return sorted(found, key=lambda chain: (chain.epoch or "", chain.shard))


def _shards(stream: str, folders: Iterator[str]) -> Iterator[ShardChain]:
    for folder in folders:
        if match := re.fullmatch(r"shard=([A-Za-z0-9_.-]{1,128})", folder):
            yield ShardChain(stream, match[1])


def _folders(store: ObjectStore, prefix: str) -> Iterator[str]:
    """Names of the folders under a prefix: one short LIST each, however many objects they hold."""
    after = ""
    while (first := next(iter(store.list(prefix, after)), None)) is not None:
        name, slash, _ = first.key.removeprefix(prefix).partition("/")
        if slash:
            yield name
        # "0" follows "/": nothing of this folder sorts at or behind it, and no other folder before it.
        after = f"{prefix}{name}0" if slash else first.key
