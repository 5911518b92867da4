"""Deletion of streams that are landed."""

from collections.abc import Sequence

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.lag import stream_lag
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.ports import ObjectStore, ShardLog
from pinterest_platform.settings import Settings


def streams_to_delete(settings: Settings, named: Sequence[str]) -> tuple[str, ...]:
    """The streams that a person named to be deleted; raises PermanentFailure unless each is one of this user id's."""
    known = [settings.names.stream(entity) for entity in ENTITIES]
    others = [name for name in named if name not in known]
    if not named or others:
        raise PermanentFailure(
            f"{', '.join(others)} is no stream of user id {settings.user_id}." if others else "No stream is named.",
            f"Name each stream that is to be deleted, of {', '.join(known)}; nothing was deleted.",
        )
    return tuple(named)


def refuse_unlanded(stream: str, settings: Settings, shards: ShardLog, objects: ObjectStore) -> None:
    """Refuse to let a stream go of which something is not landed.

    Raises:
        PermanentFailure: something waits in it, or whether something does cannot be told.
        TransientFailure: the service or the store did not answer.
    """
    if stream_lag(shards, objects, stream, stream_options(settings)).pending:
        raise PermanentFailure(
            f"{stream} holds records that are not landed; nothing was deleted.",
            "Stop the posting and run streaming_pipeline first; or, to lose them, set even_unlanded.",
        )
