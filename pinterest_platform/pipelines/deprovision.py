"""Deprovision: deletion of streams that are landed."""

from collections.abc import Sequence

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.lag import stream_lag
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.ports import ObjectStore, ShardLog
from pinterest_platform.settings import Settings


def streams_to_delete(settings: Settings, requested: Sequence[str]) -> tuple[str, ...]:
    """Return the requested streams; raises PermanentFailure unless each one is a stream of this user id."""
    streams = [settings.names.stream(entity) for entity in ENTITIES]
    unknown_streams = [name for name in requested if name not in streams]
    if not requested or unknown_streams:
        raise PermanentFailure(
            f"Not a stream of user id {settings.user_id}: {', '.join(unknown_streams)}."
            if unknown_streams
            else "No stream is named.",
            f"Name each stream to delete, from {', '.join(streams)}. Nothing was deleted.",
        )
    return tuple(requested)


def refuse_unlanded(stream: str, settings: Settings, shards: ShardLog, objects: ObjectStore) -> None:
    """Refuse to delete a stream that has records that are not landed.

    Raises:
        PermanentFailure: it has such records, or whether it has any is unknown.
        TransientFailure: the service or the store did not respond.
    """
    if stream_lag(shards, objects, stream, stream_options(settings)).pending:
        raise PermanentFailure(
            f"{stream} holds records that are not landed; nothing was deleted.",
            "Stop the posting and run streaming_pipeline first. To lose these records, set even_unlanded.",
        )
