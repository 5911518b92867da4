"""Options of a landing, from the settings and the run config."""

from collections.abc import Sequence
from typing import Literal

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.options import AcceptedGap, LandingOptions
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.settings import Settings


def landing_options(entity: Entity, settings: Settings, accept_gap: Sequence[str], new_epoch: str) -> LandingOptions:
    """How to land an entity's topic.

    Args:
        entity: whose topic.
        settings: the platform's settings.
        accept_gap: lost ranges accepted as lost, each `<topic>/<partition>:<first>-<last>`.
        new_epoch: "fail" or "land"; empty for what the settings say.

    Raises:
        PermanentFailure: an accepted range is not of that form, or new_epoch is neither.
    """
    return LandingOptions(
        object_bytes=settings.object_bytes,
        accept_gaps=_gaps(settings.names.topic(entity), accept_gap),
        new_epoch=_epoch_rule(settings, new_epoch),
        landed_by_connect=settings.landed_by_connect(entity),
    )


def _gaps(topic: str, accept_gap: Sequence[str]) -> tuple[AcceptedGap, ...]:
    gaps = tuple(AcceptedGap.parse(text) for text in accept_gap)
    for gap in gaps:
        if gap.topic != topic:
            raise PermanentFailure(
                f"accept_gap names topic {gap.topic}, and this landing is of {topic}.",
                "Give it to the asset of that topic.",
            )
    return gaps


def _epoch_rule(settings: Settings, new_epoch: str) -> Literal["fail", "land"]:
    rule = new_epoch or settings.new_epoch
    if rule not in ("fail", "land"):
        raise PermanentFailure(f"new_epoch is {rule!r}.", "Say fail, land, or nothing for the setting's value.")
    return "land" if rule == "land" else "fail"


def stream_options(
    settings: Settings, accept_loss: Sequence[str] = (), new_epoch: str = "", longest_seconds: float = 60.0
) -> StreamOptions:
    """How to land the Kinesis streams; arguments as of `landing_options`, a loss being `<stream>/<shard>:<after>`."""
    return StreamOptions(
        object_bytes=settings.object_bytes,
        accept_losses=_losses(settings, accept_loss),
        new_epoch=_epoch_rule(settings, new_epoch),
        longest_seconds=longest_seconds,
    )


def _losses(settings: Settings, accept_loss: Sequence[str]) -> tuple[AcceptedLoss, ...]:
    streams = [settings.names.stream(entity) for entity in ENTITIES]
    losses = tuple(AcceptedLoss.parse(text) for text in accept_loss)
    for loss in losses:
        if loss.stream not in streams:
            raise PermanentFailure(
                f"accept_loss names stream {loss.stream}, and the platform lands {', '.join(streams)}.",
                "Name the position as the failed landing named it.",
            )
    return losses
