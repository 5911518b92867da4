"""Options of landing a stream."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.state import ChainState, ResumeState
from pinterest_platform.landing.times import MAX_CLOCK_SKEW_SECONDS, latest_plausible_ms


@dataclass(frozen=True, slots=True)
class AcceptedLoss:
    """Records of a shard after the sequence number `after` that a user accepts as possibly lost."""

    stream: str
    shard: str
    after: int

    @classmethod
    def parse(cls, text: str) -> "AcceptedLoss":
        """Read `<stream>/<shard>:<after>`.

        Raises:
            PermanentFailure: the text has another form.
        """
        match = re.fullmatch(r"(?P<stream>[^/:]+)/(?P<shard>[^/:]+):(?P<after>[0-9]{1,129})", text.strip())
        if match is None:
            raise PermanentFailure(
                f"accept_loss holds {text!r}, which is not a position of a shard.",
                "Write it as <stream>/<shard>:<sequence number>, as the failed landing named it.",
            )
        return cls(match["stream"], match["shard"], int(match["after"]))

    def __str__(self) -> str:
        return f"{self.stream}/{self.shard}:{self.after}"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Options of landing a stream.

    Attributes:
        object_bytes: size up to which records share one object; a larger record is not shared.
        accept_losses: positions after which landing continues although records can be lost.
        new_epoch: reaction to a recreated stream: fail, or land it next to the old one.
        longest_seconds: time after which a call stops reading.
        shards_at_once: number of shards that are read at once; each holds an object in memory.
        cleaned: the ordinal that a consumer has applied, by app id. Later objects are numbered after it even if the
            landed objects were deleted. None if it cannot be read: shards without a landed object are then not landed.
        max_clock_skew_seconds: how far the time of a record can be in the future before it is implausible (rule L19).
        resume: `LandedStream.resume` of an earlier call of this process, so that the store is not listed.
    """

    object_bytes: int = 64 * 1024 * 1024
    accept_losses: tuple[AcceptedLoss, ...] = ()
    new_epoch: Literal["fail", "land"] = "fail"
    longest_seconds: float = 60.0
    shards_at_once: int = 4
    cleaned: Mapping[str, int] | None = field(default_factory=dict[str, int])
    max_clock_skew_seconds: float = MAX_CLOCK_SKEW_SECONDS
    resume: ResumeState | None = None

    def latest_plausible_ms(self, now_ms: int) -> int:
        """Return the latest time that a record which is landed now can have, given the time of the service's clock."""
        skew_ms = int(self.max_clock_skew_seconds * 1000)
        return max(latest_plausible_ms(self.max_clock_skew_seconds), now_ms + skew_ms)


def unused_losses(
    losses: Sequence[AcceptedLoss], used: Collection[str], initial: Mapping[str, ChainState]
) -> Iterator[str]:
    """Yield a line for each accepted loss that a call did not need.

    Args:
        losses: the accepted losses of the stream.
        used: the shards of which a loss was accepted.
        initial: the state of each chain when the call began.
    """
    for loss in losses:
        chain_state = initial.get(loss.shard)
        if chain_state is None:
            yield f"accept_loss '{loss}' was not needed: there is no such shard."
        elif chain_state.end is not None and chain_state.end != loss.after:
            yield f"accept_loss '{loss}' was not needed: the shard was landed up to {chain_state.end}."
        elif loss.shard not in used:
            yield f"accept_loss '{loss}' was not needed: nothing is missing there."
