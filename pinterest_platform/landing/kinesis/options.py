"""Options of landing a stream."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.state import ShardPosition


@dataclass(frozen=True, slots=True)
class AcceptedLoss:
    """A person accepts that records of a shard behind the sequence number `after` may be lost."""

    stream: str
    shard: str
    after: int

    @classmethod
    def parse(cls, text: str) -> "AcceptedLoss":
        """Read `<stream>/<shard>:<after>`, as the failed landing wrote it.

        Raises:
            PermanentFailure: it is anything else.
        """
        match = re.fullmatch(r"(?P<stream>[^/:]+)/(?P<shard>[^/:]+):(?P<after>[0-9]{1,129})", text.strip())
        if match is None:
            raise PermanentFailure(
                f"accept_loss holds {text!r}, which names no position of a shard.",
                "Write it as <stream>/<shard>:<sequence number>, as the failed landing named it.",
            )
        return cls(match["stream"], match["shard"], int(match["after"]))

    def __str__(self) -> str:
        return f"{self.stream}/{self.shard}:{self.after}"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How to land a stream.

    Attributes:
        object_bytes: size up to which records share one object; a record larger than it stands alone.
        accept_losses: positions behind which records may be lost, and landing goes on all the same.
        new_epoch: what to do when the stream was made anew: fail and say so, or land beside the old epoch.
        longest_seconds: how long one call goes on reading.
        shards_at_once: how many shards are read at a time; each holds an object in memory.
    """

    object_bytes: int = 64 * 1024 * 1024
    accept_losses: tuple[AcceptedLoss, ...] = ()
    new_epoch: Literal["fail", "land"] = "fail"
    longest_seconds: float = 60.0
    shards_at_once: int = 4


def unused_losses(
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
