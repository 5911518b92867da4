"""What passes through the gateway: a call, an answer, and the gateway's own errors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Headers = Sequence[tuple[bytes, bytes]]
"""Raw HTTP headers, names in lower case."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its method.

    Args:
        method: the HTTP method.
        path_parameters: what the path's `{names}` stand for, percent-encoded as sent.
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
        """The first header of that name."""
        return next((value.decode("latin-1") for known, value in self.headers if known == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, raw headers, body."""

    status: int
    headers: Headers = ()
    body: bytes = b""


@dataclass(eq=False)
class GatewayError(Exception):
    """An answer that the gateway itself gives.

    Args:
        status: the HTTP status.
        kind: Amazon's response type, by which the document can add headers.
        message: the `message` of the body.
    """

    status: int
    kind: str
    message: str
    headers: Headers = field(default=())


def missing_route() -> GatewayError:
    """No method of the document fits: Amazon says it in the same odd words."""
    return GatewayError(403, "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")


def forbidden() -> GatewayError:
    """The API key is missing or wrong, or there is no such stage."""
    return GatewayError(403, "INVALID_API_KEY", "Forbidden")


def too_large() -> GatewayError:
    """The payload is over the limit."""
    return GatewayError(413, "REQUEST_TOO_LARGE", "Request Too Long")


def bad_body(problem: str) -> GatewayError:
    """A mapping template looks into a body that is no JSON."""
    return GatewayError(400, "BAD_REQUEST_BODY", f"Could not parse request body into json: {problem}")


def unsupported_media_type() -> GatewayError:
    """No mapping template is meant for this Content-Type."""
    return GatewayError(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")


def misconfigured() -> GatewayError:
    """The document itself fails: a template, or a status that it does not map."""
    return GatewayError(500, "API_CONFIGURATION_ERROR", "Internal server error")


def timed_out() -> GatewayError:
    """The backend did not answer in time."""
    return GatewayError(504, "INTEGRATION_TIMEOUT", "Endpoint request timed out")


def unreachable() -> GatewayError:
    """The backend refused, or hung up."""
    return GatewayError(504, "INTEGRATION_FAILURE", "Network error communicating with endpoint")
