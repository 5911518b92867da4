"""Error answers of the REST Proxy v2 API, with Confluent's codes and messages."""

from dataclasses import dataclass

KAFKA_ERROR = 50002
KAFKA_RETRIABLE_ERROR = 50003


@dataclass(eq=False)
class RestError(Exception):
    """An error answer.

    Args:
        status: the HTTP status.
        code: the `error_code`: the status, or the status and two digits more.
        message: the `message`.
    """

    status: int
    code: int
    message: str


def topic_not_found() -> RestError:
    """There is no such topic."""
    return RestError(404, 40401, "Topic not found.")


def partition_not_found() -> RestError:
    """The topic has no such partition."""
    return RestError(404, 40402, "Partition not found.")


def malformed(reason: str) -> RestError:
    """The body is no JSON."""
    return RestError(400, 400, reason)


def unprocessable(reason: str) -> RestError:
    """The body is JSON, but no produce request."""
    return RestError(422, 422, reason)


def kafka_error(reason: str, *, retriable: bool) -> RestError:
    """The broker, or the way to it, failed."""
    if retriable:
        return RestError(500, KAFKA_RETRIABLE_ERROR, f"Retriable Kafka error: {reason}")
    return RestError(500, KAFKA_ERROR, f"Kafka error: {reason}")


def plain(status: int, reason: str) -> RestError:
    """An error of HTTP itself, such as 405."""
    return RestError(status, status, f"HTTP {status} {reason}")
