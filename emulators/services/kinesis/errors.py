"""The service's errors, as clients see them."""

from emulators.services.kinesis.options import ACCOUNT


class ServiceError(Exception):
    """An error answer.

    Args:
        kind: the exception's name in the API.
        message: what the client reads.
        status: the HTTP status.
    """

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


def invalid(message: str) -> ServiceError:
    """An InvalidArgumentException."""
    return ServiceError("InvalidArgumentException", message)


def violation(field: str, value: object, constraint: str) -> ServiceError:
    """A ValidationException, worded as the service words it.

    Args:
        field: the parameter's name in the API.
        value: what was sent; long values are cut.
        constraint: what it must be, beginning with "Member must".
    """
    text = str(value)
    shown = text if len(text) <= 128 else f"{text[:125]}..."
    where = field[0].lower() + field[1:]
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value '{shown}' at '{where}' failed to satisfy constraint: {constraint}",
    )


def unsupported(message: str) -> ServiceError:
    """A ValidationException about the stream's mode or the combination of parameters."""
    return ServiceError("ValidationException", message)


def serialization(message: str) -> ServiceError:
    """A SerializationException: the request is not what its types say."""
    return ServiceError("SerializationException", message)


def no_stream(name: str) -> ServiceError:
    """A ResourceNotFoundException about a stream."""
    return ServiceError("ResourceNotFoundException", f"Stream {name} under account {ACCOUNT} not found.")


def no_shard(shard: str, stream: str) -> ServiceError:
    """A ResourceNotFoundException about a shard."""
    return ServiceError(
        "ResourceNotFoundException", f"Shard {shard} in stream {stream} under account {ACCOUNT} does not exist"
    )


def in_use(message: str) -> ServiceError:
    """A ResourceInUseException."""
    return ServiceError("ResourceInUseException", message)


def too_many(message: str) -> ServiceError:
    """A LimitExceededException."""
    return ServiceError("LimitExceededException", message)


def rate_exceeded(shard: str, stream: str) -> ServiceError:
    """A ProvisionedThroughputExceededException."""
    return ServiceError(
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for shard {shard} in stream {stream} under account {ACCOUNT}.",
    )


def internal(message: str = "Internal Service Failure") -> ServiceError:
    """An InternalFailure, status 500."""
    return ServiceError("InternalFailure", message, 500)
