"""The chain of a Kafka partition (rule N7)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from pinterest_platform.catalog import ADOPTED_PREFIX, OFFSET_FIELD, PARTITION_FIELD, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.chain import ChainFormat, ObjectChain, list_entries
from pinterest_platform.ports import ObjectStore

OFFSET_DIGITS = 19
"""Digits of the largest 64-bit offset."""

FORMAT = ChainFormat((TOPICS_PREFIX, ADOPTED_PREFIX), "partition", OFFSET_DIGITS, PARTITION_FIELD, OFFSET_FIELD, step=1)


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


@dataclass(frozen=True, slots=True)
class TopicListing:
    """The folders of a topic.

    Attributes:
        chains: every chain that has an object, first epoch first.
        foreign_keys: objects outside the folders of partitions; of each other folder, the first object.
    """

    chains: tuple[PartitionChain, ...]
    foreign_keys: tuple[str, ...]


def list_chains(store: ObjectStore, topic: str) -> list[PartitionChain]:
    """Return every chain of a topic that has an object, first epoch first."""
    return list(list_topic(store, topic).chains)


def list_topic(store: ObjectStore, topic: str) -> TopicListing:
    """List the folders of a topic, by one short LIST for each, however many objects they hold."""

    def chain_of(partition: str, epoch: str | None) -> PartitionChain | None:
        if not re.fullmatch(r"0|[1-9][0-9]{0,8}", partition):
            return None
        return PartitionChain(topic, int(partition), epoch)

    prefixes = [f"{root}{topic}/" for root in FORMAT.roots]
    entries = [entry for prefix in prefixes for entry in list_entries(store, prefix, FORMAT.label, chain_of)]
    chains = {entry for entry in entries if isinstance(entry, PartitionChain)}
    return TopicListing(
        tuple(sorted(chains, key=lambda chain: chain.order)),
        tuple(sorted(entry for entry in entries if isinstance(entry, str))),
    )


def is_sink_object(topic: str, key: str) -> bool:
    """Return whether a foreign key looks like one of a Connect sink, by its name or a folder such as `year=2024`."""
    name = rf"/{re.escape(topic)}\+[0-9]+\+[0-9]+\.[^/]+$"
    return re.search(rf"/(?!partition=|epoch=)[^/=]+=[^/]*/|{name}", key) is not None


def foreign_problem(key: str) -> str:
    """Return the problem of an object that is not landed because of its folder or name."""
    return (
        f"{key} is not landed: its folder and name are not those of an object of this topic "
        "(partition=<p>/<topic>+<p>+<offset>)"
    )


def foreign_object(key: str) -> PermanentFailure:
    """Return the failure of such an object that a Connect sink wrote."""
    return PermanentFailure(
        f"{foreign_problem(key)}.",
        "If a Connect sink with another partitioner, such as TimeBasedPartitioner, wrote it, let the sink use "
        "DefaultPartitioner. Move this object and those next to it to the folder of their partition, or away.",
    )


def absent_partition(chain: PartitionChain, partitions: int) -> PermanentFailure:
    """Return the failure of a chain of the current epoch that is not among the topic's `partitions` partitions."""
    return PermanentFailure(
        f"{chain.app_id}: {chain.stream} has {partitions} partitions at the broker and none of this number, and the "
        f"store has objects of it, such as {chain.folder.prefix}*.",
        "They were copied, or came from another topic or cluster: move them away. Nothing is landed for that "
        "partition.",
    )
