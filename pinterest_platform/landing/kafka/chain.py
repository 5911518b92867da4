"""The chain of a Kafka partition."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pinterest_platform.catalog import TOPICS_PREFIX
from pinterest_platform.landing.chain import ObjectChain, list_folders
from pinterest_platform.ports import ObjectStore

OFFSET_DIGITS = 19
"""Digits of the largest 64-bit offset."""


@dataclass(frozen=True, slots=True)
class PartitionChain(ObjectChain):
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


def list_chains(store: ObjectStore, stream: str, *roots: str) -> list[PartitionChain]:
    """Every chain of a stream that has an object under one of the roots, first epoch first."""
    found: set[PartitionChain] = set()
    for root in roots or (TOPICS_PREFIX,):
        base = f"{root}{stream}/"
        for folder in list_folders(store, base):
            if folder.startswith("epoch="):
                epoch = folder.removeprefix("epoch=")
                found.update(
                    replace(chain, epoch=epoch)
                    for chain in _partitions(stream, list_folders(store, f"{base}{folder}/"))
                )
        found.update(_partitions(stream, list_folders(store, base)))
    return sorted(found, key=lambda chain: (chain.epoch or "", chain.partition))


def _partitions(stream: str, folders: Iterator[str]) -> Iterator[PartitionChain]:
    for folder in folders:
        if match := re.fullmatch(r"partition=([0-9]{1,9})", folder):
            yield PartitionChain(stream, int(match[1]))
