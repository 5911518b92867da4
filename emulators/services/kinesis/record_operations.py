"""Operations on records: put, get an iterator, read."""

import base64
import time
from typing import Any

from emulators.services.kinesis import errors, sequence
from emulators.services.kinesis.core import Core
from emulators.services.kinesis.model import Shard, Stream, hash_key, shard_name, shard_number
from emulators.services.kinesis.options import ACCOUNT, LARGEST_REQUEST
from emulators.services.kinesis.parameters import STREAM_NAME, Parameters
from emulators.services.kinesis.shard_operations import hash_key_range

_ITERATORS = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
_MOST_RECORDS = 10_000
_MOST_PUT = 500


class RecordOperations:
    """One method per operation.

    Args:
        core: the server's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def put(self, parameters: Parameters) -> dict[str, Any]:
        """Put one record (PutRecord).

        SequenceNumberForOrdering must be a sequence number; the order in a shard is kept in any case.
        """
        stream = self._core.catalog.serving(parameters.stream_name())
        key, data, hash_value = self._entry(stream, parameters)
        ordering = parameters.optional_text("SequenceNumberForOrdering")
        if ordering is not None:
            try:
                sequence.parse(ordering)
            except ValueError:
                raise errors.invalid(
                    f"ExclusiveMinimumSequenceNumber {ordering} used in PutRecord on stream {stream.name} under "
                    f"account {ACCOUNT} is invalid."
                ) from None
        shard = stream.route(hash_value)
        if not self._core.limits.may_put(shard, len(data) + len(key.encode()), self._core.clock.now_ms()):
            raise errors.rate_exceeded(shard.name, stream.name)
        return {"ShardId": shard.name, "SequenceNumber": self._core.log.append(shard, key, data)}

    def put_many(self, parameters: Parameters) -> dict[str, Any]:
        """Put records, each with its own result; a malformed request is refused as a whole (PutRecords)."""
        stream = self._core.catalog.serving(parameters.stream_name())
        entries = [self._entry(stream, entry) for entry in parameters.objects("Records", 1, _MOST_PUT)]
        if sum(len(data) + len(key.encode()) for key, data, _ in entries) > LARGEST_REQUEST:
            raise errors.invalid(f"Records size exceeds {LARGEST_REQUEST // 1024 // 1024} MB limit")
        results = [self._put_one(stream, *entry) for entry in entries]
        return {"FailedRecordCount": sum("ErrorCode" in result for result in results), "Records": results}

    def iterator(self, parameters: Parameters) -> dict[str, Any]:
        """Return an iterator of a shard (GetShardIterator)."""
        stream_name, shard_id = parameters.stream_name(), parameters.text("ShardId", STREAM_NAME, 128)
        kind = parameters.choice("ShardIteratorType", *_ITERATORS)
        stream = self._core.catalog.serving(stream_name)
        shard = self._shard(stream, shard_number(shard_id), shard_id)
        return {"ShardIterator": self._seal(stream, shard, self._position(stream, shard, kind, parameters))}

    def get(self, parameters: Parameters) -> dict[str, Any]:
        """Return records; at the end of a closed shard, its children and no next iterator (GetRecords)."""
        token = parameters.text("ShardIterator")
        limit = parameters.optional_integer("Limit", 1)
        if limit is not None and limit > _MOST_RECORDS:
            raise errors.invalid(f"Limit {limit} is greater than {_MOST_RECORDS}.")
        stream, shard, start = self._open(token)
        if not self._core.limits.may_read(shard, self._core.clock.now_ms()):
            raise errors.rate_exceeded(shard.name, stream.name)
        page = self._core.log.read(stream, shard, start, limit or _MOST_RECORDS)
        self._core.limits.count_read(shard, page.size)
        base, prefix = shard.base, shard.prefix
        response: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": sequence.number(prefix, record - base, arrived_ms),
                    "ApproximateArrivalTimestamp": arrived_ms / 1000,
                    "Data": base64.b64encode(data).decode(),
                    "PartitionKey": key,
                }
                for record, arrived_ms, key, data in page.records
            ],
            "MillisBehindLatest": page.behind_ms,
        }
        if shard.is_open or page.following <= shard.last:
            response["NextShardIterator"] = self._seal(stream, shard, page.following)
        else:
            response["NextShardIterator"] = None
            response["ChildShards"] = [
                {
                    "ShardId": child.name,
                    "ParentShards": [shard_name(parent) for parent in child.parents],
                    "HashKeyRange": hash_key_range(child),
                }
                for child in stream.children(shard)
            ]
        return response

    def _entry(self, stream: Stream, entry: Parameters) -> tuple[str, bytes, int]:
        """Return partition key, data and hash key of a record to put."""
        data = entry.blob("Data")
        key = entry.text("PartitionKey", None, 256)
        explicit = entry.optional_hash_key("ExplicitHashKey")
        if len(data) + len(key.encode()) > stream.record_kib * 1024:
            raise errors.violation(
                "Data",
                f"[{len(data)} bytes]",
                f"Member must have length less than or equal to {stream.record_kib * 1024}",
            )
        return key, data, hash_key(key) if explicit is None else explicit

    def _put_one(self, stream: Stream, key: str, data: bytes, hash_value: int) -> dict[str, Any]:
        shard = stream.route(hash_value)
        size = len(data) + len(key.encode())
        if self._core.faults.fails_record() or not self._core.limits.may_put(shard, size, self._core.clock.now_ms()):
            error = errors.rate_exceeded(shard.name, stream.name)
            return {"ErrorCode": error.kind, "ErrorMessage": error.message}
        return {"SequenceNumber": self._core.log.append(shard, key, data), "ShardId": shard.name}

    def _shard(self, stream: Stream, number: int | None, name: str) -> Shard:
        """Return a shard within retention."""
        shard = stream.shards.get(number) if number is not None else None
        horizon = stream.horizon_ms(self._core.clock.now_ms())
        if shard is None or (shard.closed_ms is not None and shard.closed_ms < horizon):
            raise errors.no_shard(name, stream.name)
        return shard

    def _position(self, stream: Stream, shard: Shard, kind: str, parameters: Parameters) -> int:
        """Return the first index of an iterator."""
        start = parameters.optional_text("StartingSequenceNumber")
        at_ms = parameters.optional_time_ms("Timestamp")
        if kind.endswith("SEQUENCE_NUMBER") != (start is not None) or (kind == "AT_TIMESTAMP") != (at_ms is not None):
            raise errors.invalid(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
                "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber or (3) AT_TIMESTAMP and Timestamp. "
                f"Request specified {kind}, StartingSequenceNumber {start} and Timestamp {at_ms}."
            )
        if start is not None:
            index = self._index(stream, shard, start)
            return min(index, shard.last) + (kind == "AFTER_SEQUENCE_NUMBER" or index > shard.last)
        if at_ms is not None:
            now_ms = self._core.clock.now_ms()
            if at_ms > now_ms:
                raise errors.invalid(
                    "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                    f"timestampInMillis: {at_ms}, currentTimestampInMillis: {now_ms}"
                )
            return self._core.log.first_since(shard, at_ms)
        return shard.first if kind == "TRIM_HORIZON" else shard.last + 1

    def _index(self, stream: Stream, shard: Shard, start: str) -> int:
        """Return the index of a sequence number in a shard."""
        text = f"StartingSequenceNumber {start} used in GetShardIterator on shard {shard.name} in stream {stream.name}"
        try:
            parsed = sequence.parse(start)
        except ValueError:
            raise errors.invalid(f"{text} under account {ACCOUNT} is invalid.") from None
        if parsed.shard != shard.number:
            raise errors.invalid(
                f"Invalid StartingSequenceNumber. It encodes {shard_name(parsed.shard)}, while it was used in a call "
                f"to a shard with {shard.name}"
            )
        if parsed.epoch != shard.epoch:
            raise errors.invalid(f"{text} under account {ACCOUNT} is invalid because it did not come from this stream.")
        if parsed.record_index > shard.last and start != shard.ending_number:
            raise errors.invalid(f"{text} under account {ACCOUNT} is invalid.")
        return parsed.record_index

    def _seal(self, stream: Stream, shard: Shard, index: int) -> str:
        return self._core.sealer.seal("iterator", [self._core.clock.now_ms(), stream.id, shard.number, index])

    def _open(self, token: str) -> tuple[Stream, Shard, int]:
        """Return stream, shard and index of a shard iterator."""
        content = self._core.sealer.open("iterator", token)
        if content is None:
            raise errors.invalid("Invalid ShardIterator.")
        made_ms, stream_id, number, index = content
        now_ms, longest_ms = self._core.clock.now_ms(), self._core.options.iterator_seconds * 1000
        if now_ms - made_ms > longest_ms:
            raise errors.ServiceError(
                "ExpiredIteratorException",
                f"Iterator expired. The iterator was created at time {_date(made_ms)} while right now it is "
                f"{_date(now_ms)} which is further in the future than the tolerated delay of {longest_ms} "
                "milliseconds.",
            )
        stream = self._core.catalog.by_id(stream_id)
        if stream is None:
            raise errors.no_shard(shard_name(number), "that was deleted")
        return stream, self._shard(stream, number, shard_name(number)), index


def _date(at_ms: int) -> str:
    return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(at_ms / 1000))
