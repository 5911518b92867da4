"""The chain of a Kafka partition (rule N7)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from pinterest_platform.catalog import ADOPTED_PREFIX, OFFSET_FIELD, PARTITION_FIELD, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.chain import ChainFormat, ObjectChain, list_partitions
from pinterest_platform.ports import ObjectStore, TopicState

OFFSET_DIGITS = 19
"""Digits of the largest 64-bit offset."""

FORMAT = ChainFormat((TOPICS_PREFIX, ADOPTED_PREFIX), "partition", OFFSET_DIGITS, PARTITION_FIELD, OFFSET_FIELD)


@dataclass(frozen=True, slots=True)
class PartitionChain(ObjectChain):
    """The objects of one partition; each begins at the offset after its predecessor's end.

    Args:
        stream: the topic.
        partition: the partition's number.
        epoch: the topic id of a recreated topic that is landed next to an older one; None for the first epoch.
    """

    format: ClassVar[ChainFormat] = FORMAT
    stream: str
    partition: int
    epoch: str | None = None

    @property
    def partition_id(self) -> str:
        """The partition's number."""
        return str(self.partition)

    @property
    def order(self) -> tuple[str, int]:
        """The chain's place among those of its topic: first epoch first."""
        return self.epoch or "", self.partition


def list_chains(store: ObjectStore, topic: str) -> list[PartitionChain]:
    """Return every chain of a topic that has an object, first epoch first."""
    chains = {
        PartitionChain(topic, int(partition), epoch)
        for epoch, partition in list_partitions(store, topic, FORMAT)
        if re.fullmatch(r"[0-9]{1,9}", partition)
    }
    return sorted(chains, key=lambda chain: chain.order)


def is_absent(state: TopicState, chain: PartitionChain, epoch: str | None) -> bool:
    """Return whether a chain is of the topic's current epoch, and the topic has no such partition."""
    return chain.epoch == epoch and chain.partition not in {part.partition for part in state.partitions}


def absent_partition(state: TopicState, chain: PartitionChain) -> PermanentFailure:
    """Return the failure of a chain whose partition the topic does not have."""
    return PermanentFailure(
        f"{chain.app_id}: {state.topic} has {len(state.partitions)} partitions at the broker and none of this number, "
        f"and the store has objects of it, such as {chain.under(TOPICS_PREFIX).prefix}*.",
        "They were copied, or came from another topic or cluster: move them away. Nothing is landed for that "
        "partition.",
    )
