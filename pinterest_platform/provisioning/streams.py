"""The Kinesis streams: created as landing needs them, and deleted (rules N3, K9, D13)."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from pinterest_platform.adapters.aws_errors import unreachable
from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import ENTITIES, EPOCH_TAG
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.messages import counted
from pinterest_platform.settings import Settings

WAIT_SECONDS = 300.0
"""The time limit for a stream to be created or deleted. Amazon needs up to a minute."""

_FIRST_PAUSE, _MAX_PAUSE, _PAUSE_GROWTH = 0.1, 2.0, 1.5
_READY = ("ACTIVE", "UPDATING")
_TRANSIENT = frozenset({"LimitExceededException", "ThrottlingException", "ProvisionedThroughputExceededException"})


def ensure_streams(settings: Settings) -> list[str]:
    """Create the missing streams, each with its own epoch, and wait until all accept records.

    Existing streams keep their shards. One without an epoch gets none, because a new epoch means another stream.

    Args:
        settings: endpoint, region, user id and shards.

    Returns:
        A line for each stream that was created.

    Raises:
        PermanentFailure: Kinesis refuses, for example without permission.
        TransientFailure: Kinesis does not respond in time, or a stream does not become ACTIVE.
    """
    client = _client(settings)
    names = [settings.names.stream(entity) for entity in ENTITIES]
    created = [name for name in names if _create_absent(settings, client, name)]
    for name in names:
        _await(settings, client, name, *_READY)
    return [f"stream {name}: created with {counted(settings.kinesis_shards, 'shard')}" for name in created]


def delete_streams(
    settings: Settings, streams: Sequence[str] | None = None, before: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Delete streams with all their records, and wait until they are gone.

    Args:
        settings: endpoint, region and user id.
        streams: their names; None for those of the user id.
        before: called with each existing stream before the first one is deleted; if it raises, nothing is deleted.

    Returns:
        A line for each stream that was deleted.

    Raises:
        PermanentFailure: Kinesis refuses, for example without permission.
        TransientFailure: Kinesis does not respond in time, or a stream is not deleted in time.
    """
    client = _client(settings)
    names = [settings.names.stream(entity) for entity in ENTITIES] if streams is None else streams
    existing = [name for name in dict.fromkeys(names) if _status(settings, client, name)]
    for name in existing:
        _await(settings, client, name, *_READY, "DELETING", "")
        before(name)
    for name in existing:
        with _translate_errors(settings, f"delete stream {name}", ignored="ResourceNotFoundException"):
            client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    for name in existing:
        _await(settings, client, name, "")
    return [f"stream {name}: deleted" for name in existing]


def _client(settings: Settings) -> Any:
    with _translate_errors(settings, "respond"):
        return kinesis_client(settings)


def _create_absent(settings: Settings, client: Any, name: str) -> bool:
    """Create a stream if it is absent; one call sets the epoch too, so that no stream is ever without it."""
    if _status(settings, client, name):
        return False
    with _translate_errors(settings, f"create stream {name}", ignored="ResourceInUseException"):
        client.create_stream(
            StreamName=name,
            ShardCount=settings.kinesis_shards,
            StreamModeDetails={"StreamMode": "PROVISIONED"},
            Tags={EPOCH_TAG: str(uuid.uuid4())},
        )
        return True
    return False


def _status(settings: Settings, client: Any, name: str) -> str:
    """Return the status of a stream, or "" if there is no such stream."""
    with _translate_errors(settings, f"describe stream {name}", ignored="ResourceNotFoundException"):
        return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
    return ""


def _await(settings: Settings, client: Any, name: str, *statuses: str) -> None:
    """Wait until a stream has one of the statuses."""
    polling = Retrying(
        retry=retry_if_result(lambda status: status not in statuses),
        stop=stop_after_delay(WAIT_SECONDS),
        wait=wait_exponential(multiplier=_FIRST_PAUSE, exp_base=_PAUSE_GROWTH, max=_MAX_PAUSE),
    )
    try:
        polling(_status, settings, client, name)
    except RetryError as timeout:
        raise TransientFailure(
            f"{_service(settings)}: stream {name} is still {timeout.last_attempt.result() or 'absent'} "
            f"after {WAIT_SECONDS:g} s.",
            "Check the stream, then retry.",
        ) from None


@contextmanager
def _translate_errors(settings: Settings, task: str, ignored: str | None = None) -> Iterator[None]:
    """Raise boto3's errors as the platform's; the error code `ignored` only ends the block."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    service = _service(settings)
    try:
        yield
    except ClientError as error:
        code: str = error.response["Error"].get("Code", "")
        if code == ignored:
            return
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or code in _TRANSIENT:
            raise TransientFailure(
                f"{service} did not {task}: {error}.", "Retry later, and check the quotas of the account."
            ) from None
        raise PermanentFailure(
            f"{service} refused to {task}: {error}.",
            "Check the permissions of the account and PINTEREST_KINESIS_SHARDS.",
        ) from None
    except KeyError as error:
        raise TransientFailure(f"{service} did not {task}: the response lacks {error}.", "Retry.") from None
    except (NoCredentialsError, ValueError) as error:
        raise PermanentFailure(
            f"{service} cannot be called: {error}.",
            "Correct AWS_ENDPOINT_URL_KINESIS, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from None
    except (BotoCoreError, ResponseParserError, OSError) as error:
        raise unreachable(service, error) from None


def _service(settings: Settings) -> str:
    return f"Kinesis at {settings.kinesis_endpoint or settings.region}"
