"""The service's errors."""

from emulators.services.kinesis.options import ACCOUNT


class ServiceError(Exception):
    """An error response.

    Args:
        kind: the exception's name in the API.
        message: the message for the client.
        status: the HTTP status.
    """

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


def invalid(message: str) -> ServiceError:
    """Return an InvalidArgumentException."""
    return ServiceError("InvalidArgumentException", message)


def violation(field: str, value: object, constraint: str) -> ServiceError:
    """Return a ValidationException in the service's words.

    Args:
        field: the parameter's name in the API.
        value: the sent value; long values are truncated.
        constraint: the violated constraint, beginning with "Member must".
    """
    text = str(value)
    excerpt = text if len(text) <= 128 else f"{text[:125]}..."
    where = field[0].lower() + field[1:]
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value '{excerpt}' at '{where}' failed to satisfy constraint: {constraint}",
    )


def unsupported(message: str) -> ServiceError:
    """Return a ValidationException about the stream's mode or the combination of parameters."""
    return ServiceError("ValidationException", message)


def serialization(message: str) -> ServiceError:
    """Return a SerializationException: a value has the wrong type."""
    return ServiceError("SerializationException", message)


def no_stream(name: str) -> ServiceError:
    """Return a ResourceNotFoundException about a stream."""
    return ServiceError("ResourceNotFoundException", f"Stream {name} under account {ACCOUNT} not found.")


def no_shard(shard: str, stream: str) -> ServiceError:
    """Return a ResourceNotFoundException about a shard."""
    return ServiceError(
        "ResourceNotFoundException", f"Shard {shard} in stream {stream} under account {ACCOUNT} does not exist"
    )


def in_use(message: str) -> ServiceError:
    """Return a ResourceInUseException."""
    return ServiceError("ResourceInUseException", message)


def too_many(message: str) -> ServiceError:
    """Return a LimitExceededException."""
    return ServiceError("LimitExceededException", message)


def rate_exceeded(shard: str, stream: str) -> ServiceError:
    """Return a ProvisionedThroughputExceededException."""
    return ServiceError(
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for shard {shard} in stream {stream} under account {ACCOUNT}.",
    )


def internal(message: str = "Internal Service Failure") -> ServiceError:
    """Return an InternalFailure, status 500."""
    return ServiceError("InternalFailure", message, 500)
