"""The workspace's errors, as clients see them: a status, an error code and a message."""

from collections.abc import Mapping


class ApiError(Exception):
    """An error answer.

    Args:
        status: the HTTP status.
        code: the `error_code`.
        message: what the client reads.
        headers: headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def invalid(message: str) -> ApiError:
    """400: a parameter is wrong."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> ApiError:
    """404: what is named is not there."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)


def taken(message: str) -> ApiError:
    """400: what is to be made is there already; the workspace and DBFS answer so, the Files API with 409."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", message)


def wrong_state(message: str) -> ApiError:
    """400: not now."""
    return ApiError(400, "INVALID_STATE", message)


def denied(message: str) -> ApiError:
    """403: not allowed."""
    return ApiError(403, "PERMISSION_DENIED", message)


def throttled(message: str, retry_after: int) -> ApiError:
    """429: too many calls; `retry_after` in seconds."""
    return ApiError(429, "REQUEST_LIMIT_EXCEEDED", message, {"Retry-After": str(retry_after)})


def unavailable(message: str) -> ApiError:
    """503: try again."""
    return ApiError(503, "TEMPORARILY_UNAVAILABLE", message)
