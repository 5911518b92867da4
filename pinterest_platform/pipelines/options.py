"""Landing options from settings and run config."""

from collections.abc import Sequence
from typing import Literal

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.settings import Settings

NewEpoch = Literal["", "fail", "land"]
"""The choices of `new_epoch` in a run config: empty for the setting PINTEREST_NEW_EPOCH, or one for only this run."""

NEW_EPOCH_HELP = (
    "If the topic or stream was recreated: `fail` fails with its new id, `land` lands it next to the old one, "
    "and the empty value '' is the setting PINTEREST_NEW_EPOCH, which is `fail` by default."
)


def topic_options(
    entity: Entity, settings: Settings, accept_gap: Sequence[str] = (), new_epoch: str = ""
) -> TopicOptions:
    """Return the options for landing an entity's topic.

    Args:
        entity: whose topic.
        settings: the platform's settings.
        accept_gap: lost ranges to accept, each as `<topic>/<partition>:<first>-<last>`.
        new_epoch: "fail" or "land"; empty for the value in the settings.

    Raises:
        PermanentFailure: a range or new_epoch has another form.
    """
    return TopicOptions(
        object_bytes=settings.object_bytes,
        accept_gaps=_gaps(settings.names.topic(entity), accept_gap),
        new_epoch=_epoch_rule(settings, new_epoch),
        landed_by_connect=settings.landed_by_connect(entity),
        max_clock_skew_seconds=settings.max_clock_skew_seconds,
    )


def _gaps(topic: str, accept_gap: Sequence[str]) -> tuple[AcceptedGap, ...]:
    gaps = tuple(AcceptedGap.parse(text) for text in accept_gap)
    for gap in gaps:
        if gap.topic != topic:
            raise PermanentFailure(
                f"accept_gap names topic {gap.topic}, but this asset lands {topic}.",
                "Set it in the run config of the asset that lands that topic.",
            )
    return gaps


def _epoch_rule(settings: Settings, new_epoch: str) -> Literal["fail", "land"]:
    rule = new_epoch or settings.new_epoch
    if rule not in ("fail", "land"):
        raise PermanentFailure(f"new_epoch is {rule!r}.", "Set fail or land, or leave it empty for the setting.")
    return "land" if rule == "land" else "fail"


def stream_options(
    settings: Settings, accept_loss: Sequence[str] = (), new_epoch: str = "", longest_seconds: float = 60.0
) -> StreamOptions:
    """Return the options for landing the Kinesis streams.

    Args:
        settings: the platform's settings.
        accept_loss: possible losses to accept, each as `<stream>/<shard>:<sequence number>`.
        new_epoch: "fail" or "land"; empty for the value in the settings.
        longest_seconds: the longest time that one landing reads a stream.

    Raises:
        PermanentFailure: a loss or new_epoch has another form, or a loss names an unknown stream.
    """
    return StreamOptions(
        object_bytes=settings.object_bytes,
        accept_losses=_losses(settings, accept_loss),
        new_epoch=_epoch_rule(settings, new_epoch),
        longest_seconds=longest_seconds,
        max_clock_skew_seconds=settings.max_clock_skew_seconds,
    )


def _losses(settings: Settings, accept_loss: Sequence[str]) -> tuple[AcceptedLoss, ...]:
    streams = [settings.names.stream(entity) for entity in ENTITIES]
    losses = tuple(AcceptedLoss.parse(text) for text in accept_loss)
    for loss in losses:
        if loss.stream not in streams:
            raise PermanentFailure(
                f"accept_loss names stream {loss.stream}, but the platform lands {', '.join(streams)}.",
                "Copy the position from the message of the failed landing.",
            )
    return losses
