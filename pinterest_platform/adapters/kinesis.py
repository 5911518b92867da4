"""The ShardLog of Kinesis Data Streams."""

import re
import threading
import time
from collections.abc import Generator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from pinterest_platform.adapters.aws_errors import unreachable
from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import EPOCH_TAG
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import Record, ShardBatch, ShardState, StreamState
from pinterest_platform.settings import Settings

_UNKNOWN = frozenset({"ResourceNotFoundException"})
_EXPIRED = frozenset({"ExpiredIteratorException", "ExpiredNextTokenException"})
_REFUSED = frozenset(
    {
        "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature",
        "MissingAuthenticationTokenException", "ExpiredTokenException", "InvalidClientTokenId",
        "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException",
        "KMSOptInRequired", "InvalidArgumentException", "ValidationException",
    }
)  # fmt: skip
_FIRST_WAIT_SECONDS = 0.05
_MAX_WAIT_SECONDS = 2.0
_EMPTY_PAUSE_SECONDS = 0.2
"""A shard serves five reads a second: after a reply without records, the next read waits."""


class KinesisShardLog:
    """A reader of shards from any position; it registers no consumer and stores nothing in the service.

    Args:
        settings: endpoint, region, and the time limit of a call, throttling included.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._service = f"Kinesis at {settings.kinesis_endpoint or settings.region}"
        self._connected: Any = None
        self._client_lock = threading.Lock()
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
        """Yield the records after a sequence number, one batch per reply; see `ShardLog.read`."""
        shard = f"{stream}/{shard_id}"
        iterator: str | None = None
        while True:
            iterator, reply = self._get_records(shard, iterator, after, batch_records)
            records = [
                Record(int(record["SequenceNumber"]), _ms(record["ApproximateArrivalTimestamp"]), record["Data"])
                for record in reply["Records"]
            ]
            next_iterator = reply.get("NextShardIterator")
            yield ShardBatch(records, reply["MillisBehindLatest"], ended=next_iterator is None)
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
        """Return an iterator and its reply; an expired iterator is replaced by one from the last sequence number."""
        retrying = Retrying(
            retry=retry_if_exception_type(_ExpiredError),
            stop=stop_after_delay(self._settings.io_timeout_seconds),
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    if iterator is None or attempt.retry_state.attempt_number > 1:
                        iterator = self._iterator(shard, after)
                    reply = self._call(
                        "get_records", shard, "Records", "MillisBehindLatest", ShardIterator=iterator, Limit=limit
                    )
                    return iterator, reply
        except _ExpiredError:
            pass
        raise TransientFailure(
            f"{self._service}: iterators of {shard} expire as soon as they are created.", "Run it again later."
        )

    def _iterator(self, shard: str, after: int | None) -> str:
        stream, _, shard_id = shard.partition("/")
        position = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if after is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(after)}
        )
        try:
            reply = self._call(
                "get_shard_iterator", shard, "ShardIterator", StreamName=stream, ShardId=shard_id, **position
            )
        except _UnknownError as unknown:
            raise PermanentFailure(
                f"{self._service} does not have shard {shard} (wrong name, or deleted after its retention): {unknown}.",
                "Run it again: landing then reports a possible loss, and the accept_loss to use.",
            ) from None
        return reply["ShardIterator"]

    # -- describing ----------------------------------------------------------------------------------------------

    def _summary(self, stream: str) -> tuple[dict[str, Any], int]:
        """Return the summary of a stream that can be read, and the service's time in ms since the epoch."""
        try:
            reply = self._call("describe_stream_summary", stream, "StreamDescriptionSummary", StreamName=stream)
        except _UnknownError:
            raise self._absent(stream) from None
        summary = reply["StreamDescriptionSummary"]
        if summary["StreamStatus"] in ("CREATING", "DELETING"):
            raise TransientFailure(
                f"{self._service}: stream {stream} is {summary['StreamStatus']}.",
                "Run it again when the stream is ACTIVE.",
            )
        return summary, _service_ms(reply)

    def _shards(self, stream: str) -> list[dict[str, Any]]:
        retrying = Retrying(
            retry=retry_if_exception_type(_ExpiredError),
            stop=stop_after_delay(self._settings.io_timeout_seconds),
            reraise=True,
        )
        try:
            return retrying(self._list_shards, stream)
        except _UnknownError:
            raise self._absent(stream) from None
        except _ExpiredError:
            raise TransientFailure(
                f"{self._service}: the list of {stream}'s shards expires while it is read.", "Run it again later."
            ) from None

    def _list_shards(self, stream: str) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        page: dict[str, Any] = {"StreamName": stream}
        while page:
            reply = self._call("list_shards", stream, "Shards", **page)
            shards += reply["Shards"]
            page = {"NextToken": reply["NextToken"]} if reply.get("NextToken") else {}
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
                reply = self._call("list_tags_for_stream", stream, "Tags", "HasMoreTags", **page)
            except _UnknownError:
                raise self._absent(stream) from None
            tags |= {tag["Key"]: tag.get("Value", "") for tag in reply["Tags"]}
            has_next = reply["HasMoreTags"] and reply["Tags"]
            page = {"StreamName": stream, "ExclusiveStartTagKey": reply["Tags"][-1]["Key"]} if has_next else {}
        epoch = re.sub(r"[^A-Za-z0-9.-]", "-", tags.get(EPOCH_TAG, "")) or f"created-{_ms(created)}"
        self._epochs[(stream, created)] = epoch
        return epoch

    def _absent(self, stream: str) -> PermanentFailure:
        return PermanentFailure(
            f"{self._service} has no stream {stream}.", "Run the `provision` job: it creates streams."
        )

    # -- calling -------------------------------------------------------------------------------------------------

    def _call(self, operation: str, name: str, *required: str, **parameters: Any) -> dict[str, Any]:
        """Call the service; throttled, incomplete, failed and refused calls are retried within the time limit.

        Args:
            operation: the boto3 method.
            name: the stream or shard, for messages.
            required: the fields that the reply must have.
            parameters: the parameters of the operation.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(_RetryableError),
            stop=stop_after_delay(self._settings.io_timeout_seconds),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_MAX_WAIT_SECONDS),
            reraise=True,
        )
        try:
            return retrying(self._call_once, operation, name, required, parameters)
        except _UnreachableError as error:
            raise error.failure from None
        except _RetryableError as error:
            raise TransientFailure(
                f"{self._service} did not serve {name} for {self._settings.io_timeout_seconds:g} s: {error}.",
                "Check the limits of the stream and its other readers, then run it again.",
            ) from None

    def _call_once(
        self, operation: str, name: str, required: tuple[str, ...], parameters: dict[str, Any]
    ) -> dict[str, Any]:
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectionClosedError,
            EndpointConnectionError,
            NoCredentialsError,
        )
        from botocore.parsers import ResponseParserError

        try:
            reply = getattr(self._client(), operation)(**parameters)
        except ClientError as error:
            raise self._failure(name, error) from None
        except ResponseParserError as error:
            raise _RetryableError(f"the reply was cut: {error}") from None
        except NoCredentialsError:
            raise PermanentFailure(
                f"There are no credentials for {self._service}.",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.",
            ) from None
        except (EndpointConnectionError, ConnectionClosedError) as error:
            raise _UnreachableError(unreachable(self._service, error)) from None
        except (BotoCoreError, OSError) as error:
            raise unreachable(self._service, error) from None
        # A body that was cut can arrive as an empty one with status 200.
        missing = [field for field in required if field not in reply]
        if missing:
            raise _RetryableError(f"the reply lacks {', '.join(missing)}")
        return reply

    def _client(self) -> Any:
        # One client for all threads: creating one takes longer than most calls.
        with self._client_lock:
            if self._connected is None:
                try:
                    self._connected = kinesis_client(self._settings)
                except ValueError as error:
                    raise PermanentFailure(
                        f"{self._service} cannot be called: {error}.", "Correct AWS_ENDPOINT_URL_KINESIS."
                    ) from None
            return self._connected

    def _failure(self, name: str, error: Any) -> Exception:
        """Return the failure for a reply of the service that is an error."""
        code: str = error.response.get("Error", {}).get("Code", "")
        text = f"{code} {error.response.get('Error', {}).get('Message', '')}".strip().rstrip(".")
        if code in _UNKNOWN:
            return _UnknownError(text)
        if code in _EXPIRED:
            return _ExpiredError()
        if code in _REFUSED:
            return PermanentFailure(
                f"{self._service} refuses {name}: {text}.",
                "Check the credentials, the region and the permissions of the account. If the stream was recreated, "
                "run it again: it then names the setting to use.",
            )
        return _RetryableError(text)


class _RetryableError(Exception):
    """A call that was throttled, failed in the service, or whose reply was cut."""


class _UnreachableError(_RetryableError):
    """A connection that was refused or closed, as by a service that restarts; `failure` is the one to raise."""

    def __init__(self, failure: PlatformFailure) -> None:
        super().__init__(failure.what)
        self.failure = failure


class _UnknownError(Exception):
    """The service has no such stream or shard."""


class _ExpiredError(Exception):
    """An iterator or page token is too old."""


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


def _service_ms(reply: dict[str, Any]) -> int:
    """Return the time in the header of a reply, in whole seconds; without a header, the time of this machine."""
    date = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return _ms(parsedate_to_datetime(date)) if date else time.time_ns() // 1_000_000
