"""Errors of networks, whichever library raises them: a retry can help, unless a certificate or a protocol is wrong.

Classes of vendors are recognized by name, so that no client is imported.
"""

import errno
import re
import ssl
from collections.abc import Iterator
from typing import Any

from pinterest_platform.failures import PermanentFailure, PlatformFailure, no_response

UNTRUSTED = re.compile(
    r"certificate[ _]verify[ _]failed|invalid peer certificate|self.signed certificate|peer certificate\b.* was not ok"
    r"|pkix path|valid certification path|certificate (?:has |is )?(?:expired|not valid|unknown)|unknown ?issuer",
    re.IGNORECASE,
)
"""The text of a certificate that a client does not trust."""
NO_TLS = re.compile(
    r"wrong[ _]version[ _]number|record[ _]layer[ _]failure|invalidcontenttype|corrupt message of type"
    r"|unrecognized ssl message",
    re.IGNORECASE,
)
"""The text of a server that does not use TLS."""

_SILENT = "it sends no response within the time limit"
_CLOSED = "it closed the connection"
_CUT = "its response was cut"
_CAUSES = {
    "botocore.exceptions.ConnectTimeoutError": "it accepts no connection within the time limit",
    "requests.exceptions.ConnectTimeout": "it accepts no connection within the time limit",
    "botocore.exceptions.ReadTimeoutError": _SILENT,
    "requests.exceptions.Timeout": _SILENT,
    "urllib3.exceptions.TimeoutError": _SILENT,
    "builtins.TimeoutError": _SILENT,
    "http.client.RemoteDisconnected": _CLOSED,
    "http.client.IncompleteRead": _CUT,
    "http.client.BadStatusLine": "it sends no HTTP",
    "botocore.exceptions.ConnectionClosedError": _CLOSED,
    "botocore.exceptions.IncompleteReadError": _CUT,
    "botocore.exceptions.ResponseStreamingError": _CUT,
    "botocore.exceptions.ChecksumError": _CUT,
    "botocore.exceptions.FlexibleChecksumError": _CUT,
    "botocore.parsers.ResponseParserError": _CUT,
    "requests.exceptions.ChunkedEncodingError": _CUT,
    "urllib3.exceptions.ProtocolError": _CLOSED,
    "botocore.exceptions.MetadataRetrievalError": "the credentials could not be fetched",
    "botocore.exceptions.CredentialRetrievalError": "the credentials could not be fetched",
    "botocore.exceptions.HTTPClientError": "the connection failed",
    "botocore.exceptions.ConnectionError": "the connection failed",
    "requests.exceptions.ConnectionError": "the connection failed",
    "urllib3.exceptions.NewConnectionError": "the connection failed",
    "builtins.ConnectionError": "the connection failed",
    "socket.gaierror": "its name cannot be resolved",
    "ssl.SSLError": "the TLS connection failed",
}
"""Classes of errors after which a retry can help, with the cause if the operating system gives none."""
_ERRNOS = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ENETRESET, errno.ETIMEDOUT}
)
_RPC_CODES = {"UNAVAILABLE": "it is unavailable", "DEADLINE_EXCEEDED": _SILENT}
_SERVER_ERRORS = {429, 500, 502, 503, 504}
_ADDRESS = re.compile(r"https?://(?:[^/\s@]*@)?([\w.\-\[\]:]+)")


def network_failure(error: BaseException, service: str = "") -> PlatformFailure | None:
    """Return the failure of a call that a network error ended; None for any other error.

    Args:
        error: the error.
        service: the service and its address; by default the address that the error names.
    """
    errors = list(_chain(error))
    name = service or _address(errors) or "A service"
    if wrong := wrong_tls(name, " ".join(map(str, errors))):
        return wrong
    causes = [cause for nested in errors if (cause := _cause(nested))]
    if not causes:
        return None
    reasons = (
        nested.strerror for nested in errors if isinstance(nested, OSError) and not isinstance(nested, ssl.SSLError)
    )
    return no_response(name, next(filter(None, reasons), causes[0]).rstrip("."))


def wrong_tls(service: str, text: str) -> PermanentFailure | None:
    """Return the failure of a server without TLS or a trusted certificate, given an error's text; None for others."""
    if UNTRUSTED.search(text):
        return PermanentFailure(
            f"{service} has a certificate that this machine does not trust.",
            "Install the certificate of its CA on this machine (for S3 and Kinesis, also in AWS_CA_BUNDLE), renew an "
            "expired one, or set the address that it names.",
        )
    if NO_TLS.search(text):
        return PermanentFailure(
            f"{service} does not use TLS.", "Correct the address: http instead of https, or the port of TLS."
        )
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that caused it, each once."""
    yielded: set[int] = set()
    errors: list[Any] = [error]
    while errors:
        current = errors.pop(0)
        if isinstance(current, BaseException) and id(current) not in yielded:
            yielded.add(id(current))
            yield current
            errors += [getattr(current, "reason", None), *current.args, current.__cause__, current.__context__]


def _cause(error: BaseException) -> str | None:
    """Return the cause if an error of its own is one of a network."""
    code: Any = getattr(error, "code", None)
    if type(error).__name__ == "HTTPError" and isinstance(code, int):
        return f"it responds with {code}" if code in _SERVER_ERRORS else None
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    if "grpc.RpcError" in names and callable(code):
        return _RPC_CODES.get(getattr(code(), "name", ""))
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return error.strerror
    return next((_CAUSES[name] for name in names if name in _CAUSES), None)


def _address(errors: list[BaseException]) -> str:
    """Return the first address that errors name, without credentials and path."""
    for error in errors:
        texts = (getattr(error, "url", ""), getattr(getattr(error, "request", None), "url", ""), str(error))
        if match := _ADDRESS.search(" ".join(map(str, texts))):
            return match[0].partition("://")[0] + "://" + match[1]
    return ""
