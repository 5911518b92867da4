"""The ShardLog of Kinesis Data Streams."""

import re
import time
from collections.abc import Generator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay

from pinterest_platform.adapters.kinesis_calls import ExpiredError, KinesisCalls, UnknownError
from pinterest_platform.catalog import EPOCH_TAG
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.ports import Record, ShardBatch, ShardState, StreamState
from pinterest_platform.settings import Settings

_EMPTY_PAUSE_SECONDS = 0.2
"""A shard serves five reads a second: after a response without records, the next read waits."""


class KinesisShardLog:
    """A reader of shards from any position; it registers no consumer and stores nothing in the service.

    Args:
        settings: endpoint, region, and the time limit of a call, throttling included.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calls = KinesisCalls(settings)
        self._epochs: dict[tuple[str, datetime], str] = {}

    def describe(self, stream: str) -> StreamState:
        """Return the stream with all its shards; see `ShardLog.describe`."""
        summary, now_ms = self._summary(stream)
        shards = tuple(_shard(shard) for shard in self._shards(stream))
        epoch = self._epoch(stream, summary["StreamCreationTimestamp"])
        return StreamState(stream, epoch, summary["RetentionPeriodHours"] * 3_600_000, now_ms, shards)

    def epoch(self, stream: str) -> str:
        """Return the stream's epoch; see `ShardLog.epoch`."""
        return self._epoch(stream, self._summary(stream)[0]["StreamCreationTimestamp"])

    def read(
        self, stream: str, shard_id: str, after: int | None, batch_records: int = 10_000
    ) -> Generator[ShardBatch, None, None]:
        """Yield the records after a sequence number, one batch per response; see `ShardLog.read`."""
        shard = f"{stream}/{shard_id}"
        iterator: str | None = None
        while True:
            iterator, response = self._get_records(shard, iterator, after, batch_records)
            records = [
                Record(int(record["SequenceNumber"]), _ms(record["ApproximateArrivalTimestamp"]), record["Data"])
                for record in response["Records"]
            ]
            next_iterator = response.get("NextShardIterator")
            yield ShardBatch(records, response["MillisBehindLatest"], ended=next_iterator is None)
            if next_iterator is None:
                return
            iterator = next_iterator
            if records:
                after = records[-1].position
            else:
                time.sleep(_EMPTY_PAUSE_SECONDS)

    # -- reading -------------------------------------------------------------------------------------------------

    def _get_records(
        self, shard: str, iterator: str | None, after: int | None, limit: int
    ) -> tuple[str, dict[str, Any]]:
        """Return an iterator and its response; an expired iterator is replaced by one from the last sequence number."""
        retrying = Retrying(
            retry=retry_if_exception_type(ExpiredError),
            stop=stop_after_delay(self._settings.io_timeout_seconds),
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    if iterator is None or attempt.retry_state.attempt_number > 1:
                        iterator = self._iterator(shard, after)
                    response = self._calls.call(
                        "get_records", shard, "Records", "MillisBehindLatest", ShardIterator=iterator, Limit=limit
                    )
                    return iterator, response
        except ExpiredError:
            pass
        raise TransientFailure(
            f"{self._calls.service}: iterators of {shard} expire as soon as they are created.", "Retry later."
        )

    def _iterator(self, shard: str, after: int | None) -> str:
        stream, _, shard_id = shard.partition("/")
        position = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if after is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(after)}
        )
        try:
            response = self._calls.call(
                "get_shard_iterator", shard, "ShardIterator", StreamName=stream, ShardId=shard_id, **position
            )
        except UnknownError as unknown:
            raise PermanentFailure(
                f"{self._calls.service} does not have shard {shard} (wrong name, or deleted after its retention): "
                f"{unknown}.",
                "Retry: landing then reports a possible loss, and the accept_loss to use.",
            ) from None
        return response["ShardIterator"]

    # -- describing ----------------------------------------------------------------------------------------------

    def _summary(self, stream: str) -> tuple[dict[str, Any], int]:
        """Return the summary of a stream that can be read, and the service's time in ms since the epoch."""
        try:
            response = self._calls.call(
                "describe_stream_summary", stream, "StreamDescriptionSummary", StreamName=stream
            )
        except UnknownError:
            raise self._absent(stream) from None
        summary = response["StreamDescriptionSummary"]
        if summary["StreamStatus"] in ("CREATING", "DELETING"):
            raise TransientFailure(
                f"{self._calls.service}: stream {stream} is {summary['StreamStatus']}.",
                "Retry when the stream is ACTIVE.",
            )
        return summary, _service_ms(response)

    def _shards(self, stream: str) -> list[dict[str, Any]]:
        retrying = Retrying(
            retry=retry_if_exception_type(ExpiredError),
            stop=stop_after_delay(self._settings.io_timeout_seconds),
            reraise=True,
        )
        try:
            return retrying(self._list_shards, stream)
        except UnknownError:
            raise self._absent(stream) from None
        except ExpiredError:
            raise TransientFailure(
                f"{self._calls.service}: the list of {stream}'s shards expires while it is read.", "Retry later."
            ) from None

    def _list_shards(self, stream: str) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        page: dict[str, Any] = {"StreamName": stream}
        while page:
            response = self._calls.call("list_shards", stream, "Shards", **page)
            shards += response["Shards"]
            page = {"NextToken": response["NextToken"]} if response.get("NextToken") else {}
        return shards

    def _epoch(self, stream: str, created: datetime) -> str:
        """Return the epoch tag, or the creation time if there is none; the tags are read once per creation time."""
        cached = self._epochs.get((stream, created))
        if cached is not None:
            return cached
        tags: dict[str, str] = {}
        page: dict[str, Any] = {"StreamName": stream}
        while page:
            try:
                response = self._calls.call("list_tags_for_stream", stream, "Tags", "HasMoreTags", **page)
            except UnknownError:
                raise self._absent(stream) from None
            tags |= {tag["Key"]: tag.get("Value", "") for tag in response["Tags"]}
            has_next = response["HasMoreTags"] and response["Tags"]
            page = {"StreamName": stream, "ExclusiveStartTagKey": response["Tags"][-1]["Key"]} if has_next else {}
        epoch = re.sub(r"[^A-Za-z0-9.-]", "-", tags.get(EPOCH_TAG, "")) or f"created-{_ms(created)}"
        self._epochs[(stream, created)] = epoch
        return epoch

    def _absent(self, stream: str) -> PermanentFailure:
        return PermanentFailure(
            f"{self._calls.service} has no stream {stream}.", "Run the `provision` job: it creates streams.", stream
        )


def _shard(shard: dict[str, Any]) -> ShardState:
    numbers = shard["SequenceNumberRange"]
    end = numbers.get("EndingSequenceNumber")
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    return ShardState(
        shard["ShardId"],
        tuple(parent for parent in parents if parent),
        int(numbers["StartingSequenceNumber"]),
        None if end is None else int(end),
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _service_ms(response: dict[str, Any]) -> int:
    """Return the time in the header of a response, in whole seconds; without a header, the time of this machine."""
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return _ms(parsedate_to_datetime(date)) if date else time.time_ns() // 1_000_000
