"""Error responses of the REST Proxy v2 API, with Confluent's codes and messages."""

from dataclasses import dataclass

KAFKA_ERROR = 50002
KAFKA_RETRIABLE_ERROR = 50003


@dataclass(eq=False)
class RestError(Exception):
    """An error response.

    Args:
        status: the HTTP status.
        code: the `error_code`: the status, or the status with two more digits.
        message: the `message`.
    """

    status: int
    code: int
    message: str


def topic_not_found() -> RestError:
    """Return the error for an unknown topic."""
    return RestError(404, 40401, "Topic not found.")


def partition_not_found() -> RestError:
    """Return the error for an unknown partition."""
    return RestError(404, 40402, "Partition not found.")


def malformed(reason: str) -> RestError:
    """Return the error for a body that is not JSON."""
    return RestError(400, 400, reason)


def unprocessable(reason: str) -> RestError:
    """Return the error for JSON that is not a produce request."""
    return RestError(422, 422, reason)


def kafka_error(reason: str, *, retriable: bool) -> RestError:
    """Return the error for a failure of the broker or of the connection to it."""
    if retriable:
        return RestError(500, KAFKA_RETRIABLE_ERROR, f"Retriable Kafka error: {reason}")
    return RestError(500, KAFKA_ERROR, f"Kafka error: {reason}")


def plain(status: int, reason: str) -> RestError:
    """Return an error of HTTP itself, such as 405."""
    return RestError(status, status, f"HTTP {status} {reason}")
