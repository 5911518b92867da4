"""What a person accepted as lost and was not: told, so that a mistyped range is not taken for an accepted one."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from pinterest_platform.landing.kafka.results import AcceptedGap, LandedPartition
from pinterest_platform.landing.kinesis.results import AcceptedLoss, ShardPosition


def unneeded_gaps(gaps: Sequence[AcceptedGap], landed: Sequence[LandedPartition]) -> Iterator[str]:
    """A line for each gap over which nothing was landed by a call.

    Args:
        gaps: what was accepted of the topic.
        landed: what the call did.
    """
    partitions = {part.partition: part for part in landed}
    for gap in gaps:
        part = partitions.get(gap.partition)
        if part is None:
            yield f"accept_gap '{gap}' was not needed: there is no such partition."
        elif gap.start >= part.next_offset:
            yield f"accept_gap '{gap}' was not needed: it lies beyond offset {part.next_offset}, the next to come."
        elif not part.accepted_gaps or gap.end < part.first_start:
            yield f"accept_gap '{gap}' was not needed: what exists of it is landed."


def unneeded_losses(
    losses: Sequence[AcceptedLoss], used: Collection[str], began: Mapping[str, ShardPosition]
) -> Iterator[str]:
    """A line for each loss that a call did not come upon.

    Args:
        losses: what was accepted of the stream.
        used: the shards of which a loss was accepted.
        began: by shard, how far it was landed when the call began.
    """
    for loss in losses:
        position = began.get(loss.shard)
        if position is None:
            yield f"accept_loss '{loss}' was not needed: there is no such shard."
        elif position.end is not None and position.end != loss.after:
            yield f"accept_loss '{loss}' was not needed: the shard was landed up to {position.end}."
        elif loss.shard not in used:
            yield f"accept_loss '{loss}' was not needed: nothing is missing there."
