"""The workspace's errors: a status, an error code and a message."""

from collections.abc import Mapping


class ApiError(Exception):
    """An error response.

    Args:
        status: the HTTP status.
        code: the `error_code`.
        message: the message for the client.
        headers: headers of the response.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def invalid(message: str) -> ApiError:
    """Return the error for a wrong parameter (400)."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> ApiError:
    """Return the error for a missing resource (404)."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)


def already_exists(message: str) -> ApiError:
    """Return the error for an existing resource (400; the Files API responds with 409)."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", message)


def wrong_state(message: str) -> ApiError:
    """Return the error for a resource in the wrong state (400)."""
    return ApiError(400, "INVALID_STATE", message)


def denied(message: str) -> ApiError:
    """Return the error for a forbidden operation (403)."""
    return ApiError(403, "PERMISSION_DENIED", message)


def throttled(message: str, retry_after: int) -> ApiError:
    """Return the error for too many calls (429); `retry_after` in seconds."""
    return ApiError(429, "REQUEST_LIMIT_EXCEEDED", message, {"Retry-After": str(retry_after)})


def unavailable(message: str) -> ApiError:
    """Return the error for a temporary outage (503)."""
    return ApiError(503, "TEMPORARILY_UNAVAILABLE", message)
