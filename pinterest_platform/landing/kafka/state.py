"""The ends of a topic's chains, carried from one call to the next."""

from collections.abc import Mapping
from dataclasses import dataclass

from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import TopicState


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The end of a partition's chain.

    Attributes:
        offset: the last offset that is landed; -1 if there is none.
        latest_ms: the latest append time in the chain, 0 without records.
        newest: the position of the newest object; None without objects.
        is_adopted: whether the newest object was adopted.
    """

    offset: int = -1
    latest_ms: int = 0
    newest: int | None = None
    is_adopted: bool = False


@dataclass(frozen=True, slots=True)
class ResumeState:
    """The state in which a call left a topic; a later call of the same process that has it need not list the store.

    An outdated state costs time and nothing else, because the creation of an object shows whether its position exists.

    Attributes:
        topic_id: the topic id that was landed.
        epoch: the topic id if the topic is landed next to an older one, else None.
        ends: the end of the chain of each partition.
        landed: the objects that the call landed, in order, by app id.
    """

    topic_id: str
    epoch: str | None
    ends: Mapping[int, ChainEnd]
    landed: Mapping[str, tuple[PendingSegment, ...]]

    def is_of(self, state: TopicState) -> bool:
        """Return whether a topic is still the one that was landed, with the same partitions."""
        return state.topic_id == self.topic_id and {part.partition for part in state.partitions} == set(self.ends)
