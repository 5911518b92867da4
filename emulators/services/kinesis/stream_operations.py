"""Operations on streams: create, delete, list, describe, retention, tags."""

from typing import Any

from emulators.services.kinesis import errors
from emulators.services.kinesis.core import Core
from emulators.services.kinesis.model import Status, Stream, shard_number
from emulators.services.kinesis.options import ACCOUNT
from emulators.services.kinesis.parameters import STREAM_NAME, Parameters
from emulators.services.kinesis.shard_operations import shard_json

_ON_DEMAND_SHARDS = 4
_LONGEST_RETENTION_HOURS = 8760
_SHORTEST_RETENTION_HOURS = 24
_MOST_TAGS = 50


class StreamOperations:
    """One method per operation.

    Args:
        core: the server's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def create(self, parameters: Parameters) -> None:
        """Create a stream (CreateStream)."""
        name = parameters.text("StreamName", STREAM_NAME, 128)
        details = parameters.optional_object("StreamModeDetails")
        mode = details.choice("StreamMode", "PROVISIONED", "ON_DEMAND") if details else "PROVISIONED"
        shards = parameters.optional_integer("ShardCount", 1)
        if mode == "ON_DEMAND":
            if shards is not None:
                raise errors.unsupported("ShardCount must not be given for a stream in ON_DEMAND mode.")
            shards = _ON_DEMAND_SHARDS
        if shards is None:
            raise errors.unsupported("ShardCount must be given for a stream in PROVISIONED mode.")
        record_kib = parameters.optional_integer("MaxRecordSizeInKiB", 1024, 10240) or self._core.options.record_kib
        tags = parameters.text_map("Tags")
        _check_tags(name, tags, tags)
        self._core.catalog.create(name, shards, mode, record_kib, tags)

    def delete(self, parameters: Parameters) -> None:
        """Delete a stream (DeleteStream)."""
        self._core.catalog.delete(parameters.stream_name())

    def page(self, parameters: Parameters) -> dict[str, Any]:
        """List the names of streams (ListStreams)."""
        limit = parameters.optional_integer("Limit", 1, 10_000) or 100
        after = parameters.optional_text("ExclusiveStartStreamName", STREAM_NAME, 128) or ""
        token = parameters.optional_text("NextToken")
        if token is not None:
            content = self._core.sealer.open("streams", token)
            if content is None:
                raise errors.invalid("Invalid NextToken.")
            after = str(content[0])
        streams = [stream for stream in self._core.catalog.all() if stream.name > after]
        page = streams[:limit]
        response: dict[str, Any] = {
            "StreamNames": [stream.name for stream in page],
            "HasMoreStreams": len(streams) > limit,
            "StreamSummaries": [self._summary(stream) for stream in page],
        }
        if len(streams) > limit:
            response["NextToken"] = self._core.sealer.seal("streams", [page[-1].name])
        return response

    def describe(self, parameters: Parameters) -> dict[str, Any]:
        """Describe a stream with its shards (DescribeStream)."""
        stream = self._core.catalog.find(parameters.stream_name())
        limit = parameters.optional_integer("Limit", 1, 10_000) or 100
        start = parameters.optional_text("ExclusiveStartShardId", STREAM_NAME, 128)
        after = -1
        if start is not None:
            number = shard_number(start)
            if number is None:
                raise errors.invalid(f"Invalid ExclusiveStartShardId {start}.")
            after = number
        shards = [shard for shard in self._visible_shards(stream) if shard.number > after]
        return {
            "StreamDescription": {
                **self._description(stream),
                "Shards": [shard_json(shard) for shard in shards[:limit]],
                "HasMoreShards": len(shards) > limit,
            }
        }

    def describe_summary(self, parameters: Parameters) -> dict[str, Any]:
        """Describe a stream without its shards (DescribeStreamSummary)."""
        stream = self._core.catalog.find(parameters.stream_name())
        creating = stream.status is Status.CREATING
        return {
            "StreamDescriptionSummary": {
                **self._description(stream),
                "OpenShardCount": 0 if creating else len(stream.open_shards),
                "ConsumerCount": 0,
                "MaxRecordSizeInKiB": stream.record_kib,
            }
        }

    def increase_retention(self, parameters: Parameters) -> None:
        """Raise the retention time; expired records stay invisible (IncreaseStreamRetentionPeriod)."""
        stream = self._core.catalog.active(parameters.stream_name())
        hours = parameters.integer("RetentionPeriodHours", 0)
        if hours > _LONGEST_RETENTION_HOURS:
            raise errors.invalid(
                f"Maximum allowed retention period is {_LONGEST_RETENTION_HOURS} hours. "
                f"Requested retention period ({hours} hours) is too long."
            )
        if hours < stream.retention_hours:
            raise self._wrong_retention(stream, hours, "shorter", "Decrease")
        for shard in stream.shards.values():
            self._core.log.trim(stream, shard)
        self._retain(stream, hours)

    def decrease_retention(self, parameters: Parameters) -> None:
        """Lower the retention time (DecreaseStreamRetentionPeriod)."""
        stream = self._core.catalog.active(parameters.stream_name())
        hours = parameters.integer("RetentionPeriodHours", 0)
        if hours < _SHORTEST_RETENTION_HOURS:
            raise errors.invalid(
                f"Minimum allowed retention period is {_SHORTEST_RETENTION_HOURS} hours. "
                f"Requested retention period ({hours} hours) is too short."
            )
        if hours > stream.retention_hours:
            raise self._wrong_retention(stream, hours, "longer", "Increase")
        self._retain(stream, hours)

    def add_tags(self, parameters: Parameters) -> None:
        """Add tags to a stream (AddTagsToStream)."""
        stream = self._core.catalog.active(parameters.stream_name())
        tags = parameters.text_map("Tags")
        if not tags:
            raise errors.violation("Tags", tags, "Member must have length greater than or equal to 1")
        _check_tags(stream.name, tags, {**stream.tags, **tags})
        stream.tags.update(tags)
        self._core.catalog.keep(stream)

    def remove_tags(self, parameters: Parameters) -> None:
        """Remove tags from a stream (RemoveTagsFromStream)."""
        stream = self._core.catalog.active(parameters.stream_name())
        for key in parameters.texts("TagKeys", _MOST_TAGS):
            stream.tags.pop(key, None)
        self._core.catalog.keep(stream)

    def list_tags(self, parameters: Parameters) -> dict[str, Any]:
        """List the tags of a stream (ListTagsForStream)."""
        stream = self._core.catalog.find(parameters.stream_name())
        limit = parameters.optional_integer("Limit", 1, _MOST_TAGS) or _MOST_TAGS
        after = parameters.optional_text("ExclusiveStartTagKey", None, 128) or ""
        keys = [key for key in sorted(stream.tags) if key > after]
        return {
            "Tags": [{"Key": key, "Value": stream.tags[key]} for key in keys[:limit]],
            "HasMoreTags": len(keys) > limit,
        }

    def _retain(self, stream: Stream, hours: int) -> None:
        stream.retention_hours = hours
        self._core.catalog.update(stream)

    def _wrong_retention(self, stream: Stream, hours: int, how: str, other: str) -> errors.ServiceError:
        return errors.invalid(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be {how} than existing "
            f"retention period ({stream.retention_hours} hours). Use {other}RetentionPeriod API."
        )

    def _visible_shards(self, stream: Stream) -> list[Any]:
        return [] if stream.status is Status.CREATING else stream.retained(self._core.clock.now_ms())

    def _summary(self, stream: Stream) -> dict[str, Any]:
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn(self._core.options.region),
            "StreamStatus": stream.status.value,
            "StreamModeDetails": {"StreamMode": stream.mode},
            "StreamCreationTimestamp": stream.created_ms / 1000,
        }

    def _description(self, stream: Stream) -> dict[str, Any]:
        return {
            **self._summary(stream),
            "RetentionPeriodHours": stream.retention_hours,
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "EncryptionType": "NONE",
        }


def _check_tags(stream: str, tags: dict[str, str], total: dict[str, str]) -> None:
    """Raise ServiceError for invalid tags, or for too many tags in total."""
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.startswith("aws:"):
            raise errors.invalid(
                f"Tag {key!r} of stream {stream} is not allowed: keys have 1 to 128 characters and do not begin "
                "with aws:, values have up to 256."
            )
    if len(total) > _MOST_TAGS:
        raise errors.invalid(
            f"Failed to add tags to stream {stream} under account {ACCOUNT} because a given stream cannot have "
            f"more than {_MOST_TAGS} tags associated with it."
        )
