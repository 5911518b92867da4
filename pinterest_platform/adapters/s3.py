"""The ObjectStore of an S3 bucket."""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from tenacity import Retrying, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_fixed

from pinterest_platform.adapters.aws_errors import unreachable
from pinterest_platform.adapters.call_limit import within
from pinterest_platform.adapters.clients import s3_client
from pinterest_platform.adapters.upload_body import UploadBody
from pinterest_platform.failures import PermanentFailure, TransientFailure, foreign_response, no_response
from pinterest_platform.messages import EMULATORS_COMMAND
from pinterest_platform.ports import StoredObject
from pinterest_platform.settings import Settings

_ABSENT = {"404", "NoSuchKey", "NotFound"}
_PRECONDITION_FAILED = {"412", "PreconditionFailed"}
_CONFLICT = {"409", "ConditionalRequestConflict", "OperationAborted"}
_REFUSED = {
    "401", "403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "ExpiredToken", "InvalidToken", "InvalidBucketName", "EntityTooLarge", "MetadataTooLarge", "KeyTooLongError",
}  # fmt: skip
_READING = {"get_object", "head_object"}
"""The calls of an object that can be absent."""
_TAGGED = {*_READING, "put_object"}
"""The calls whose response holds the object's entity tag."""
_UNAVAILABLE = {429, 502, 503, 504}
"""HTTP statuses of a server, or of a proxy before it, that is starting or overloaded."""
_DISK_FULL = re.compile(r"no space left|disk.{0,20}full|storage.{0,20}full|insufficient storage|drive threshold", re.I)
_CONFLICT_PAUSE_SECONDS = 0.2
_RETRY_PAUSE_SECONDS = 0.5
_RETRY_SHARE = 0.9
"""The share of the time limit after which a call of a server that is unavailable is not retried."""


class S3ObjectStore:
    """A bucket whose server enforces conditional creation (If-None-Match: *).

    Args:
        settings: endpoint, bucket and time limit.
        page_keys: the keys of one page of LIST.
    """

    def __init__(self, settings: Settings, page_keys: int = 1000) -> None:
        self._settings = settings
        self._page_keys = page_keys
        self._bucket = settings.names.bucket
        self._service = f"S3 at {settings.s3_endpoint or settings.region}"
        self._connected: Any = None
        self._client_lock = threading.Lock()

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects under a prefix in key order, page by page; see `ObjectStore.list`."""
        start = {"StartAfter": after} if after else {}
        while True:
            page = self._call("list_objects_v2", f"{prefix}*", Prefix=prefix, MaxKeys=self._page_keys, **start)
            if "IsTruncated" not in page:
                raise foreign_response(self._bucket_name, f"a listing of {prefix}*")
            for entry in page.get("Contents", ()):
                modified_ms = int(entry["LastModified"].timestamp() * 1000)
                yield StoredObject(entry["Key"], entry["Size"], modified_ms, entry.get("ETag", "").strip('"'))
            if not page.get("IsTruncated"):
                return
            start = {"ContinuationToken": page["NextContinuationToken"]}

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the user metadata of an object, or None; see `ObjectStore.metadata`."""
        try:
            return self._call("head_object", key, Key=key)["Metadata"]
        except _AbsentError:
            # The response to HEAD has no reason. LIST fails if it is the bucket that does not exist.
            self._call("list_objects_v2", key, Prefix=key, MaxKeys=1)
            return None

    def read(self, key: str) -> bytes:
        """Return an object's bytes; see `ObjectStore.read`."""
        from botocore.exceptions import BotoCoreError
        from botocore.parsers import ResponseParserError

        try:
            response = self._call("get_object", key, Key=key)
            return within(self._settings.io_timeout_seconds, response["Body"].read, response.get("ContentLength", 0))
        except _AbsentError:
            raise PermanentFailure(
                f"s3://{self._bucket}/{key} does not exist.", "Restore it, and find out why it was deleted."
            ) from None
        except (BotoCoreError, ResponseParserError, OSError) as error:
            raise unreachable(self._service, error) from None

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        """Create or replace an object; see `ObjectStore.put`."""
        self._put(key, body, metadata or {}, content_type)

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        """Create an object unless there is one of its key; see `ObjectStore.put_if_absent`."""
        retrying = Retrying(
            retry=retry_if_exception_type(_ConflictError),
            stop=stop_after_delay(self._settings.io_timeout_seconds),
            wait=wait_fixed(_CONFLICT_PAUSE_SECONDS),
            reraise=True,
        )
        try:
            retrying(self._put, key, body, metadata, content_type, IfNoneMatch="*")
        except _PreconditionFailedError:
            return False
        except _ConflictError:
            raise TransientFailure(
                f"{self._bucket_name} rejects writes of {key}: another write of it is in progress.",
                "Retry later.",
            ) from None
        return True

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; see `ObjectStore.delete`."""
        remaining = iter(keys)
        while page := list(islice(remaining, 1000)):
            objects = {"Objects": [{"Key": key} for key in page], "Quiet": True}
            for error in self._call("delete_objects", page[0], Delete=objects).get("Errors", ()):
                raise TransientFailure(
                    f"{self._bucket_name} did not delete {error['Key']}: {error.get('Message') or error.get('Code')}.",
                    "Check the policy of the bucket, then retry.",
                )

    # -- calling -------------------------------------------------------------------------------------------------

    def _put(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str, **condition: str) -> None:
        kind = {"ContentType": content_type} if content_type else {}
        self._call("put_object", key, Key=key, Body=UploadBody(body), Metadata=dict(metadata), **kind, **condition)

    def _call(self, operation: str, key: str, **parameters: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
        from botocore.parsers import ResponseParserError

        client = self._client()

        def attempt() -> Any:
            if body := parameters.get("Body"):
                body.seek(0)
            size = body.getbuffer().nbytes if body else 0
            call = partial(getattr(client, operation), Bucket=self._bucket, **parameters)
            return within(self._settings.io_timeout_seconds, call, size)

        # A server that restarts responds at once, or refuses connections; the client's time-outs bound a silent one.
        retrying = Retrying(
            retry=retry_if_exception(_is_unavailable),
            stop=stop_after_delay(_RETRY_SHARE * self._settings.io_timeout_seconds),
            wait=wait_fixed(_RETRY_PAUSE_SECONDS),
            reraise=True,
        )
        try:
            response = retrying(attempt)
        except ClientError as error:
            failure = self._failure(key, error)
            if isinstance(failure, _AbsentError) and operation not in _READING:
                failure = foreign_response(self._bucket_name, f"{operation} of {key}")
            raise failure from None
        except NoCredentialsError:
            raise PermanentFailure(
                f"There are no credentials for {self._bucket_name}.",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.",
            ) from None
        except RecursionError:
            raise PermanentFailure(
                f"{self._bucket_name} redirects every call.", "Correct AWS_ENDPOINT_URL, and AWS_REGION."
            ) from None
        except (BotoCoreError, ResponseParserError, OSError) as error:
            raise unreachable(self._service, error) from None
        if operation in _TAGGED and "ETag" not in response:
            raise foreign_response(self._bucket_name, f"{operation} of {key}")
        return response

    def _client(self) -> Any:
        # One client for all threads: creating one takes longer than most calls.
        with self._client_lock:
            if self._connected is None:
                try:
                    self._connected = s3_client(self._settings)
                except ValueError as error:
                    raise PermanentFailure(
                        f"{self._bucket_name} cannot be called: {error}.", "Correct AWS_ENDPOINT_URL."
                    ) from None
            return self._connected

    @property
    def _bucket_name(self) -> str:
        return f"{self._service}, bucket {self._bucket}"

    def _failure(self, key: str, error: Any) -> Exception:
        """Return the failure for a response of the server that is an error."""
        code: str = error.response["Error"].get("Code", "")
        response = f"{code} {error.response['Error'].get('Message', '')}".strip().rstrip(".")
        if code == "NoSuchBucket":
            return PermanentFailure(
                f"{self._bucket_name}: the bucket does not exist.",
                f"Run the `provision` job, or start the emulators: {EMULATORS_COMMAND} up.",
            )
        if code in _ABSENT:
            return _AbsentError()
        if code in _PRECONDITION_FAILED:
            return _PreconditionFailedError()
        if code in _CONFLICT:
            return _ConflictError()
        if code in _REFUSED:
            return PermanentFailure(
                f"{self._bucket_name} refuses {key}: {response}.",
                "Check the credentials, the region and the policy of the bucket.",
            )
        if _is_unavailable(error):
            return no_response(self._service, response)
        if _DISK_FULL.search(response):
            return TransientFailure(
                f"{self._service} has no free disk space: {response}.", "Free disk space on the server, then retry."
            )
        return TransientFailure(
            f"{self._bucket_name} failed on {key}: {response}.",
            "Check the log and the free disk space of the server, then retry.",
        )


def _is_unavailable(error: BaseException) -> bool:
    """Return whether a call failed because the server is starting or overloaded."""
    from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

    if not isinstance(error, ClientError):
        return isinstance(error, EndpointConnectionError | ConnectionClosedError)
    response: Any = error.response
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in _UNAVAILABLE and not _DISK_FULL.search(str(response.get("Error")))


class _AbsentError(Exception):
    """The server has no such object."""


class _PreconditionFailedError(Exception):
    """The condition of a conditional PUT does not hold."""


class _ConflictError(Exception):
    """Another conditional PUT of the same key is in progress."""
