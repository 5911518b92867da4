"""The gateway's messages: a call, a response, and the gateway's own errors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Headers = Sequence[tuple[bytes, bytes]]
"""Raw HTTP headers, names in lower case."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a method of the document.

    Args:
        method: the HTTP method.
        path_parameters: values of the path's `{names}`, percent-encoded as sent.
        query: the raw query string.
        headers: the raw headers.
        body: the whole body.
    """

    method: str
    path_parameters: dict[str, str]
    query: str
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> str | None:
        """Return the first value of a header."""
        return next((value.decode("latin-1") for other, value in self.headers if other == name), None)


@dataclass(frozen=True, slots=True)
class Response:
    """A response: status, raw headers, body."""

    status: int
    headers: Headers = ()
    body: bytes = b""


@dataclass(eq=False)
class GatewayError(Exception):
    """An error response of the gateway itself.

    Args:
        status: the HTTP status.
        kind: Amazon's response type, for which the document can add headers.
        message: the `message` of the body.
    """

    status: int
    kind: str
    message: str
    headers: Headers = field(default=())


def missing_route() -> GatewayError:
    """Return the error for a request without a matching method, in Amazon's words."""
    return GatewayError(403, "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")


def forbidden() -> GatewayError:
    """Return the error for a missing or wrong API key, or a wrong stage."""
    return GatewayError(403, "INVALID_API_KEY", "Forbidden")


def too_large() -> GatewayError:
    """Return the error for a payload over the limit."""
    return GatewayError(413, "REQUEST_TOO_LARGE", "Request Too Long")


def headers_too_large() -> GatewayError:
    """Return the error for a request line and headers over the limit."""
    return GatewayError(431, "DEFAULT_4XX", "Request Header Fields Too Large")


def bad_body(problem: str) -> GatewayError:
    """Return the error for a body that a mapping template cannot parse as JSON."""
    return GatewayError(400, "BAD_REQUEST_BODY", f"Could not parse request body into json: {problem}")


def unsupported_media_type() -> GatewayError:
    """Return the error for a Content-Type without a mapping template."""
    return GatewayError(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")


def misconfigured() -> GatewayError:
    """Return the error for a failing template or an unmapped status of the service."""
    return GatewayError(500, "API_CONFIGURATION_ERROR", "Internal server error")


def timed_out() -> GatewayError:
    """Return the error for a backend that does not respond in time."""
    return GatewayError(504, "INTEGRATION_TIMEOUT", "Endpoint request timed out")


def unreachable() -> GatewayError:
    """Return the error for a backend that cannot be reached or closes the connection."""
    return GatewayError(504, "INTEGRATION_FAILURE", "Network error communicating with endpoint")
