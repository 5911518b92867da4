"""Operations on shards: list, split, merge, scale."""

from collections.abc import Callable
from typing import Any

from emulators.services.kinesis import errors
from emulators.services.kinesis.core import Core
from emulators.services.kinesis.model import Shard, Status, Stream, shard_number
from emulators.services.kinesis.options import ACCOUNT
from emulators.services.kinesis.parameters import STREAM_NAME, Parameters

_PAGE = 1000
_FILTERS = ("AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP")


def shard_json(shard: Shard) -> dict[str, Any]:
    """Return a shard as in ListShards and DescribeStream."""
    described: dict[str, Any] = {"ShardId": shard.name}
    for name, parent in zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False):
        described[name] = f"shardId-{parent:012d}"
    described["HashKeyRange"] = hash_key_range(shard)
    described["SequenceNumberRange"] = {"StartingSequenceNumber": shard.starting_number}
    if shard.ending_number is not None:
        described["SequenceNumberRange"]["EndingSequenceNumber"] = shard.ending_number
    return described


def hash_key_range(shard: Shard) -> dict[str, str]:
    """Return a shard's range of hash keys."""
    return {"StartingHashKey": str(shard.low), "EndingHashKey": str(shard.high)}


class ShardOperations:
    """One method per operation.

    Args:
        core: the server's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def page(self, parameters: Parameters) -> dict[str, Any]:
        """List shards; a page token holds the stream, the last listed shard and the filter (ListShards)."""
        limit = min(parameters.optional_integer("MaxResults", 1, 10_000) or _PAGE, _PAGE)
        token = parameters.optional_text("NextToken")
        if token is not None:
            stream, after, kind, at_ms = self._next_page(parameters, token)
        else:
            stream, after, kind, at_ms = self._first_page(parameters)
        if stream.status in (Status.CREATING, Status.DELETING):
            raise errors.in_use(
                f"Stream {stream.name} under account {ACCOUNT} not ACTIVE, instead in state {stream.status.value}"
            )
        matches = self._filter(stream, kind, at_ms)
        retained = stream.retained(self._core.clock.now_ms())
        shards = [shard for shard in retained if shard.number > after and matches(shard)]
        response: dict[str, Any] = {"Shards": [shard_json(shard) for shard in shards[:limit]]}
        if len(shards) > limit:
            content = [self._core.clock.now_ms(), stream.id, shards[limit - 1].number, kind, at_ms]
            response["NextToken"] = self._core.sealer.seal("shards", content)
        return response

    def split(self, parameters: Parameters) -> None:
        """Split a shard at a hash key (SplitShard)."""
        stream = self._core.catalog.find(parameters.stream_name())
        shard = self._reshardable(stream, parameters.text("ShardToSplit", STREAM_NAME, 128))
        key = parameters.optional_hash_key("NewStartingHashKey")
        if key is None:
            raise errors.violation("NewStartingHashKey", "null", "Member must not be null")
        if not shard.low + 1 < key < shard.high:
            raise errors.invalid(
                f"NewStartingHashKey {key} used in SplitShard() on shard {shard.name} in stream {stream.name} under "
                f"account {ACCOUNT} is not both greater than one plus the shard's StartingHashKey {shard.low} and "
                f"less than the shard's EndingHashKey {shard.high}."
            )
        self._core.catalog.check_shard_limit(1)
        self._core.catalog.update(stream, "split", str(shard.number), str(key))

    def merge(self, parameters: Parameters) -> None:
        """Merge two adjacent shards (MergeShards)."""
        stream = self._core.catalog.find(parameters.stream_name())
        first = self._reshardable(stream, parameters.text("ShardToMerge", STREAM_NAME, 128))
        second = self._reshardable(stream, parameters.text("AdjacentShardToMerge", STREAM_NAME, 128))
        if first.high + 1 != second.low and second.high + 1 != first.low:
            raise errors.invalid(
                f"Shards {first.name} and {second.name} in stream {stream.name} under account {ACCOUNT} are not an "
                "adjacent pair of shards eligible for merging"
            )
        self._core.catalog.update(stream, "merge", str(first.number), str(second.number))

    def scale(self, parameters: Parameters) -> dict[str, Any]:
        """Change the number of shards, from half to double, by splits and merges (UpdateShardCount)."""
        stream = self._core.catalog.find(parameters.stream_name())
        target = parameters.integer("TargetShardCount", 1)
        parameters.choice("ScalingType", "UNIFORM_SCALING")
        self._check_reshardable(stream)
        present = len(stream.open_shards)
        if not present <= target * 2 or target > present * 2:
            raise errors.too_many(
                "UpdateShardCount cannot scale up over double nor down below half your current open shard count. "
                f"Current open shard count: {present}, Target shard count: {target}"
            )
        self._core.catalog.check_shard_limit(max(0, target - present))
        self._core.catalog.update(stream, "count", str(target))
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn(self._core.options.region),
            "CurrentShardCount": present,
            "TargetShardCount": target,
        }

    def _next_page(self, parameters: Parameters, token: str) -> tuple[Stream, int, str, int]:
        for name in ("StreamName", "StreamARN", "ExclusiveStartShardId", "StreamCreationTimestamp", "ShardFilter"):
            if parameters.has(name):
                raise errors.invalid(f"NextToken and {name} cannot be provided together.")
        content = self._core.sealer.open("shards", token)
        if content is None:
            raise errors.invalid("Invalid NextToken.")
        made_ms, stream_id, after, kind, at_ms = content
        if self._core.clock.now_ms() - made_ms > self._core.options.iterator_seconds * 1000:
            raise errors.ServiceError("ExpiredNextTokenException", "The NextToken has expired.")
        stream = self._core.catalog.by_id(stream_id)
        if stream is None:
            raise errors.ServiceError("ResourceNotFoundException", "The stream of the NextToken was deleted.")
        return stream, after, kind, at_ms

    def _first_page(self, parameters: Parameters) -> tuple[Stream, int, str, int]:
        stream = self._core.catalog.find(parameters.stream_name())
        created_ms = parameters.optional_time_ms("StreamCreationTimestamp")
        if created_ms is not None and created_ms // 1000 != stream.created_ms // 1000:
            raise errors.no_stream(stream.name)
        chosen = parameters.optional_object("ShardFilter")
        kind = chosen.choice("Type", *_FILTERS) if chosen else "FROM_TRIM_HORIZON"
        at_ms = (chosen.optional_time_ms("Timestamp") if chosen else None) or 0
        after = parameters.optional_text("ExclusiveStartShardId", STREAM_NAME, 128)
        if chosen and kind == "AFTER_SHARD_ID":
            after = chosen.text("ShardId", STREAM_NAME, 128)
        if chosen and kind.endswith("_TIMESTAMP") and not chosen.has("Timestamp"):
            raise errors.invalid(f"ShardFilter of type {kind} needs a Timestamp.")
        number = shard_number(after) if after is not None else -1
        if number is None:
            raise errors.invalid(f"Invalid shard id {after}.")
        return stream, number, kind, at_ms

    def _filter(self, stream: Stream, kind: str, at_ms: int) -> Callable[[Shard], bool]:
        horizon = max(stream.created_ms, stream.horizon_ms(self._core.clock.now_ms()))
        if kind == "AT_LATEST":
            return lambda shard: shard.is_open
        at_ms = horizon if kind == "AT_TRIM_HORIZON" else max(at_ms, horizon)
        if kind in ("AT_TRIM_HORIZON", "AT_TIMESTAMP"):
            return lambda shard: shard.opened_ms <= at_ms and (shard.closed_ms is None or shard.closed_ms >= at_ms)
        if kind == "FROM_TIMESTAMP":
            return lambda shard: shard.closed_ms is None or shard.closed_ms >= at_ms
        return lambda _: True

    def _reshardable(self, stream: Stream, name: str) -> Shard:
        """Return an open shard of an active, provisioned stream."""
        number = shard_number(name)
        shard = stream.shards.get(number) if number is not None else None
        if shard is None:
            raise errors.ServiceError(
                "ResourceNotFoundException",
                f"Could not find shard {name} in stream {stream.name} under account {ACCOUNT}.",
            )
        self._check_reshardable(stream)
        if not shard.is_open:
            raise errors.invalid(
                f"Shard {name} in stream {stream.name} under account {ACCOUNT} has already been merged or split, and "
                "thus is not eligible for merging or splitting."
            )
        return shard

    def _check_reshardable(self, stream: Stream) -> None:
        if stream.mode != "PROVISIONED":
            raise errors.unsupported(f"Stream {stream.name} is in ON_DEMAND mode: its shards cannot be changed.")
        self._core.catalog.active(stream.name)
