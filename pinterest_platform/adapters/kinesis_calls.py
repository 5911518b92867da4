"""Calls of Kinesis Data Streams."""

import threading
from functools import partial
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from pinterest_platform.adapters.aws_errors import unreachable
from pinterest_platform.adapters.call_limit import within
from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
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
_LARGEST_RESPONSE_BYTES = 10 * 1024 * 1024
"""The most that GetRecords returns."""


class UnknownError(Exception):
    """The service has no such stream or shard."""


class ExpiredError(Exception):
    """An iterator or page token is too old."""


class KinesisCalls:
    """The client of the service, for all threads.

    Args:
        settings: endpoint, region, and the time limit of a call, throttling included.

    Attributes:
        service: the service and its address, for messages.
    """

    def __init__(self, settings: Settings) -> None:
        self.service = f"Kinesis at {settings.kinesis_endpoint or settings.region}"
        self._settings = settings
        self._connected: Any = None
        self._client_lock = threading.Lock()

    def call(self, operation: str, name: str, *required: str, **parameters: Any) -> dict[str, Any]:
        """Call the service; throttled, incomplete, failed and refused calls are retried within the time limit.

        Args:
            operation: the boto3 method.
            name: the stream or shard, for messages.
            required: the fields that the response must have.
            parameters: the parameters of the operation.

        Raises:
            UnknownError: the service has no such stream or shard.
            ExpiredError: the iterator or page token in the parameters is too old.
            PermanentFailure: the service refuses the call.
            TransientFailure: the service does not respond, or throttles for too long.
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
                f"{self.service} did not serve {name} for {self._settings.io_timeout_seconds:g} s: {error}.",
                "Check the limits of the stream and its other readers, then retry.",
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
            size = _LARGEST_RESPONSE_BYTES if operation == "get_records" else 0
            call = partial(getattr(self._client(), operation), **parameters)
            response = within(self._settings.io_timeout_seconds, call, size)
        except ClientError as error:
            raise self._failure(name, error) from None
        except ResponseParserError as error:
            raise _RetryableError(f"the response was cut: {error}") from None
        except NoCredentialsError:
            raise PermanentFailure(
                f"There are no credentials for {self.service}.",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.",
            ) from None
        except (EndpointConnectionError, ConnectionClosedError) as error:
            raise _UnreachableError(unreachable(self.service, error)) from None
        except (BotoCoreError, OSError) as error:
            raise unreachable(self.service, error) from None
        # A body that was cut can arrive as an empty one with status 200.
        missing = [field for field in required if field not in response]
        if missing:
            raise _RetryableError(f"the response lacks {', '.join(missing)}")
        return response

    def _client(self) -> Any:
        # One client for all threads: creating one takes longer than most calls.
        with self._client_lock:
            if self._connected is None:
                try:
                    self._connected = kinesis_client(self._settings)
                except ValueError as error:
                    raise PermanentFailure(
                        f"{self.service} cannot be called: {error}.", "Correct AWS_ENDPOINT_URL_KINESIS."
                    ) from None
            return self._connected

    def _failure(self, name: str, error: Any) -> Exception:
        """Return the failure for a response of the service that is an error."""
        code: str = error.response.get("Error", {}).get("Code", "")
        text = f"{code} {error.response.get('Error', {}).get('Message', '')}".strip().rstrip(".")
        if code in _UNKNOWN:
            return UnknownError(text)
        if code in _EXPIRED:
            return ExpiredError()
        if code in _REFUSED:
            return PermanentFailure(
                f"{self.service} refuses {name}: {text}.",
                "Check the credentials, the region and the permissions of the account. If the stream was recreated, "
                "retry: it then names the setting to use.",
            )
        return _RetryableError(text)


class _RetryableError(Exception):
    """A call that was throttled, failed in the service, or whose response was cut."""


class _UnreachableError(_RetryableError):
    """A connection that was refused or closed, as by a service that restarts; `failure` is the one to raise."""

    def __init__(self, failure: PlatformFailure) -> None:
        super().__init__(failure.what)
        self.failure = failure
