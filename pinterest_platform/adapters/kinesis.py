"""The ShardLog over Kinesis Data Streams."""

import random
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import EPOCH_TAG
from pinterest_platform.failures import PermanentFailure, TransientFailure
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
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 2.0
_EMPTY_PAUSE_SECONDS = 0.2
"""A shard takes five readings a second: after an answer without records, the next one waits."""


class KinesisShardLog:
    """Reads shards from any position; it registers no consumer and leaves nothing in the service.

    Args:
        settings: endpoint, region, and how long the service may take to answer, throttling included.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connected: Any = None
        self._dialling = threading.Lock()
        self._epochs: dict[tuple[str, datetime], str] = {}

    def describe(self, stream: str) -> StreamState:
        """The stream with all its shards; see `ShardLog.describe`."""
        summary, now_ms = self._summary(stream)
        shards = tuple(_shard(shard) for shard in self._shards(stream))
        epoch = self._epoch(stream, summary["StreamCreationTimestamp"])
        return StreamState(stream, epoch, summary["RetentionPeriodHours"] * 3_600_000, now_ms, shards)

    def epoch(self, stream: str) -> str:
        """The stream's epoch alone; see `ShardLog.epoch`."""
        return self._epoch(stream, self._summary(stream)[0]["StreamCreationTimestamp"])

    def read(
        self, stream: str, shard_id: str, after: int | None, batch_records: int = 10_000
    ) -> Generator[ShardBatch, None, None]:
        """What a shard holds behind a sequence number, an answer a batch; see `ShardLog.read`."""
        where = f"{stream}/{shard_id}"
        token: str | None = None
        while True:
            token, answer = self._get_records(where, token, after, batch_records)
            records = [
                Record(int(record["SequenceNumber"]), _ms(record["ApproximateArrivalTimestamp"]), record["Data"])
                for record in answer["Records"]
            ]
            following = answer.get("NextShardIterator")
            yield ShardBatch(records, answer["MillisBehindLatest"], ended=following is None)
            if following is None:
                return
            token = following
            if records:
                after = records[-1].offset
            else:
                time.sleep(_EMPTY_PAUSE_SECONDS)

    # -- reading -------------------------------------------------------------------------------------------------

    def _get_records(self, where: str, token: str | None, after: int | None, most: int) -> tuple[str, dict[str, Any]]:
        """One answer, with an iterator from the last sequence number where there is none or it expired."""
        deadline = time.monotonic() + self._settings.io_timeout_seconds
        while True:
            if token is None:
                token = self._iterator(where, after)
            try:
                answer = self._call(
                    "get_records", where, "Records", "MillisBehindLatest", ShardIterator=token, Limit=most
                )
            except _ExpiredError:
                token = None
                if time.monotonic() > deadline:
                    raise TransientFailure(
                        f"{self._where}: iterators of {where} expire as soon as they are made.", "Run it again later."
                    ) from None
            else:
                return token, answer

    def _iterator(self, where: str, after: int | None) -> str:
        stream, _, shard_id = where.partition("/")
        position = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if after is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(after)}
        )
        try:
            answer = self._call(
                "get_shard_iterator", where, "ShardIterator", StreamName=stream, ShardId=shard_id, **position
            )
        except _UnknownError as unknown:
            raise PermanentFailure(
                f"{self._where} has no shard {where}, or not any more: {unknown}.",
                "Run it again: it then says what was lost, if anything, and how to go on.",
            ) from None
        return answer["ShardIterator"]

    # -- asking --------------------------------------------------------------------------------------------------

    def _summary(self, stream: str) -> tuple[dict[str, Any], int]:
        """What the service says of a stream that can be read, and its time in ms since the epoch."""
        try:
            answer = self._call("describe_stream_summary", stream, "StreamDescriptionSummary", StreamName=stream)
        except _UnknownError:
            raise self._absent(stream) from None
        summary = answer["StreamDescriptionSummary"]
        if summary["StreamStatus"] in ("CREATING", "DELETING"):
            raise TransientFailure(
                f"{self._where}: stream {stream} is {summary['StreamStatus']}.", "Run it again when that is over."
            )
        return summary, _service_ms(answer)

    def _shards(self, stream: str) -> list[dict[str, Any]]:
        deadline = time.monotonic() + self._settings.io_timeout_seconds
        while True:
            found: list[dict[str, Any]] = []
            page: dict[str, Any] = {"StreamName": stream}
            try:
                while page:
                    answer = self._call("list_shards", stream, "Shards", **page)
                    found += answer["Shards"]
                    page = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
            except _UnknownError:
                raise self._absent(stream) from None
            except _ExpiredError:
                if time.monotonic() > deadline:
                    raise TransientFailure(
                        f"{self._where}: the list of {stream}'s shards expires while it is read.", "Run it again later."
                    ) from None
            else:
                return found

    def _epoch(self, stream: str, created: datetime) -> str:
        """The epoch tag, or the creation time where there is none; asked for once for each creation time."""
        known = self._epochs.get((stream, created))
        if known is not None:
            return known
        tags: dict[str, str] = {}
        page: dict[str, Any] = {"StreamName": stream}
        while page:
            try:
                answer = self._call("list_tags_for_stream", stream, "Tags", "HasMoreTags", **page)
            except _UnknownError:
                raise self._absent(stream) from None
            tags |= {tag["Key"]: tag.get("Value", "") for tag in answer["Tags"]}
            more = answer["HasMoreTags"] and answer["Tags"]
            page = {"StreamName": stream, "ExclusiveStartTagKey": answer["Tags"][-1]["Key"]} if more else {}
        epoch = re.sub(r"[^A-Za-z0-9.-]", "-", tags.get(EPOCH_TAG, "")) or f"created-{_ms(created)}"
        self._epochs[(stream, created)] = epoch
        return epoch

    def _absent(self, stream: str) -> PermanentFailure:
        return PermanentFailure(
            f"{self._where} has no stream {stream}.", "Run the `provision` job: it makes the streams."
        )

    # -- calling -------------------------------------------------------------------------------------------------

    def _call(self, operation: str, where: str, *required: str, **parameters: Any) -> dict[str, Any]:
        """Call the service, again and again while it throttles, is unsettled or answers in part, within the timeout."""
        deadline = time.monotonic() + self._settings.io_timeout_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            with self._silence(where):
                trouble = _answered(lambda: getattr(self._client(), operation)(**parameters), required)
            if not isinstance(trouble, _Trouble):
                return trouble
            if trouble.code in _UNKNOWN:
                raise _UnknownError(trouble.text)
            if trouble.code in _EXPIRED:
                raise _ExpiredError
            if trouble.code in _REFUSED:
                raise PermanentFailure(
                    f"{self._where} refuses {where}: {trouble.text}.",
                    "Look at the credentials, the region and the account's rights; if the stream was made anew, run it "
                    "again: it then says what to do.",
                )
            if time.monotonic() + pause > deadline:
                raise TransientFailure(
                    f"{self._where} did not serve {where} for {self._settings.io_timeout_seconds:g} s: {trouble.text}.",
                    "Look at the stream's limits and at what else reads it, and run it again.",
                )
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _client(self) -> Any:
        # One for all threads that ask at once: making it takes longer than most of what it is asked.
        with self._dialling:
            if self._connected is None:
                try:
                    self._connected = kinesis_client(self._settings)
                except ValueError as error:
                    raise PermanentFailure(
                        f"{self._where} cannot be dialled: {error}.", "Look at AWS_ENDPOINT_URL_KINESIS."
                    ) from None
            return self._connected

    @contextmanager
    def _silence(self, where: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, HTTPClientError, NoCredentialsError

        try:
            yield
        except NoCredentialsError:
            raise PermanentFailure(
                f"No credentials for {self._where}.", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
            ) from None
        except (BotoCoreError, HTTPClientError, OSError) as error:
            raise TransientFailure(
                f"{self._where} did not answer for {where}: {error}.",
                "Start the server or mend the way to it, and run it again; PINTEREST_IO_TIMEOUT_SECONDS sets the wait.",
            ) from None

    @property
    def _where(self) -> str:
        return f"Kinesis at {self._settings.kinesis_endpoint or self._settings.region}"


class _Trouble:
    """An answer that is none: the service's code for it, empty where the answer was cut, and what it said."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text


class _UnknownError(Exception):
    """The service knows no such stream or shard."""


class _ExpiredError(Exception):
    """An iterator or page token is too old."""


def _answered(call: Callable[[], dict[str, Any]], required: tuple[str, ...]) -> dict[str, Any] | _Trouble:
    """An answer that holds what it must; a body that was cut comes as an empty one, with status 200."""
    from botocore.exceptions import ClientError
    from botocore.parsers import ResponseParserError

    try:
        answer = call()
    except ClientError as error:
        said: dict[str, str] = error.response.get("Error", {})  # pyright: ignore[reportAssignmentType]
        code = said.get("Code", "")
        return _Trouble(code, f"{code} {said.get('Message', '')}".strip())
    except ResponseParserError as error:
        return _Trouble("", f"its answer was cut: {error}")
    lacking = [name for name in required if name not in answer]
    return _Trouble("", f"its answer lacks {', '.join(lacking)}") if lacking else answer


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


def _service_ms(answer: dict[str, Any]) -> int:
    """The service's time as its answer's header tells it, in whole seconds; this machine's where it is silent."""
    told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return _ms(parsedate_to_datetime(told)) if told else time.time_ns() // 1_000_000
