"""The ObjectStore over an S3 bucket."""

import io
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from pinterest_platform.adapters.clients import s3_client
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import StoredObject
from pinterest_platform.settings import Settings

_ABSENT = {"404", "NoSuchKey", "NotFound"}
_TAKEN = {"412", "PreconditionFailed"}
_CONFLICT = {"409", "ConditionalRequestConflict", "OperationAborted"}
_REFUSED = {
    "401", "403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "ExpiredToken", "InvalidToken", "InvalidBucketName", "EntityTooLarge", "MetadataTooLarge", "KeyTooLongError",
}  # fmt: skip
_CONFLICT_PAUSE_SECONDS = 0.2
_PIECE_BYTES = 16 * 1024 * 1024


class S3ObjectStore:
    """A bucket; conditional creation is the server's own (If-None-Match: *).

    Args:
        settings: endpoint, bucket, and how long the server may take to answer.
        page_keys: how many keys one LIST request asks for.
    """

    def __init__(self, settings: Settings, page_keys: int = 1000) -> None:
        self._settings = settings
        self._page_keys = page_keys
        self._bucket = settings.names.bucket
        self._connected: Any = None
        self._dialling = threading.Lock()

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Objects under a prefix in key order, a page at a time; see `ObjectStore.list`."""
        start = {"StartAfter": after} if after else {}
        while True:
            page = self._call("list_objects_v2", f"{prefix}*", Prefix=prefix, MaxKeys=self._page_keys, **start)
            for entry in page.get("Contents", ()):
                yield StoredObject(entry["Key"], entry["Size"], int(entry["LastModified"].timestamp() * 1000))
            if not page.get("IsTruncated"):
                return
            start = {"ContinuationToken": page["NextContinuationToken"]}

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """The user metadata of an object, or None; see `ObjectStore.metadata`."""
        try:
            return self._call("head_object", key, Key=key)["Metadata"]
        except _AbsentError:
            # A HEAD carries no reason: without the bucket it looks the same.
            self._call("list_objects_v2", key, Prefix=key, MaxKeys=1)
            return None

    def read(self, key: str) -> bytes:
        """An object's bytes; see `ObjectStore.read`."""
        from botocore.exceptions import BotoCoreError, HTTPClientError

        try:
            return self._call("get_object", key, Key=key)["Body"].read()
        except _AbsentError:
            raise PermanentFailure(
                f"s3://{self._bucket}/{key} does not exist.", "Restore it, or look for what deleted it."
            ) from None
        except (BotoCoreError, HTTPClientError, OSError) as error:
            raise self._silence(key, error) from None

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        """Create or replace an object; see `ObjectStore.put`."""
        self._put(key, body, metadata or {}, content_type)

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        """Create an object, or find the key taken; see `ObjectStore.put_if_absent`."""
        deadline = time.monotonic() + self._settings.io_timeout_seconds
        while True:
            try:
                self._put(key, body, metadata, content_type, IfNoneMatch="*")
            except _TakenError:
                return False
            except _ConflictError:
                if time.monotonic() > deadline:
                    raise TransientFailure(
                        f"{self._where} keeps answering that another writer is at {key}.", "Run it again later."
                    ) from None
                time.sleep(_CONFLICT_PAUSE_SECONDS)
            else:
                return True

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; see `ObjectStore.delete`."""
        remaining = iter(keys)
        while some := list(islice(remaining, 1000)):
            objects = {"Objects": [{"Key": key} for key in some], "Quiet": True}
            for error in self._call("delete_objects", some[0], Delete=objects).get("Errors", ()):
                raise TransientFailure(
                    f"{self._where} did not delete {error['Key']}: {error.get('Message') or error.get('Code')}.",
                    "Look at the bucket's policy and run it again.",
                )

    # -- calling -------------------------------------------------------------------------------------------------

    def _put(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str, **condition: str) -> None:
        kind = {"ContentType": content_type} if content_type else {}
        self._call("put_object", key, Key=key, Body=_Body(body), Metadata=dict(metadata), **kind, **condition)

    def _call(self, operation: str, key: str, **parameters: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError

        try:
            return getattr(self._client(), operation)(Bucket=self._bucket, **parameters)
        except ClientError as error:
            raise self._answer(key, error) from None
        except NoCredentialsError:
            raise PermanentFailure(
                f"No credentials for {self._where}.", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
            ) from None
        except (BotoCoreError, HTTPClientError, OSError) as error:
            raise self._silence(key, error) from None

    def _client(self) -> Any:
        # One for all threads that ask at once: making it takes longer than most of what it is asked.
        with self._dialling:
            if self._connected is None:
                try:
                    self._connected = s3_client(self._settings)
                except ValueError as error:
                    raise PermanentFailure(
                        f"{self._where} cannot be dialled: {error}.", "Look at AWS_ENDPOINT_URL."
                    ) from None
            return self._connected

    @property
    def _where(self) -> str:
        return f"S3 at {self._settings.s3_endpoint or self._settings.region}, bucket {self._bucket}"

    def _answer(self, key: str, error: Any) -> Exception:
        """What an answer of the server other than success means."""
        code: str = error.response["Error"].get("Code", "")
        said = f"{code} {error.response['Error'].get('Message', '')}".strip()
        if code == "NoSuchBucket":
            return PermanentFailure(
                f"{self._where}: there is no such bucket.",
                "Run the `provision` job, or bring the emulators up: python -m emulators up.",
            )
        if code in _ABSENT:
            return _AbsentError()
        if code in _TAKEN:
            return _TakenError()
        if code in _CONFLICT:
            return _ConflictError()
        if code in _REFUSED:
            return PermanentFailure(
                f"{self._where} refuses {key}: {said}.", "Look at the credentials, the region and the bucket's policy."
            )
        return TransientFailure(f"{self._where} failed on {key}: {said}.", "Look at the server, and run it again.")

    def _silence(self, key: str, error: Exception) -> PlatformFailure:
        return TransientFailure(
            f"{self._where} did not answer for {key}: {error}.",
            "Start the server or mend the way to it, and run it again; PINTEREST_IO_TIMEOUT_SECONDS sets the wait.",
        )


class _Body(io.BytesIO):
    """Bytes to send, in large pieces whatever the client asks for.

    Each piece sent or hashed gives up the interpreter's lock and waits for it, up to 5 ms beside a busy thread:
    in the client's own 128 KiB pieces, an object of 64 MiB takes seconds longer while the next one is made.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(-1 if size is None or size < 0 else max(size, _PIECE_BYTES))


class _AbsentError(Exception):
    """The server has no such object."""


class _TakenError(Exception):
    """The condition of a conditional PUT does not hold."""


class _ConflictError(Exception):
    """Another conditional PUT of the same key is under way."""
