"""The three Kinesis streams: made as landing needs them, and their counterpart (SPEC 2; ARCHITECTURE "Landing" 7)."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import ENTITIES, EPOCH_TAG
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings

WAIT_SECONDS = 300.0
"""How long a stream may take to come or to go; Amazon needs up to a minute."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_READY = ("ACTIVE", "UPDATING")
_PASSING = frozenset({"LimitExceededException", "ThrottlingException", "ProvisionedThroughputExceededException"})


def ensure_streams(settings: Settings) -> list[str]:
    """Make the streams that are missing, each with an epoch of its own, and wait until all take records.

    Shards of a stream that exists are left as they are, and so is its lack of an epoch: a new one would say that the
    stream is another.

    Args:
        settings: endpoint, region, user id and shards.

    Returns:
        A line for each stream made; none if all were there.

    Raises:
        PermanentFailure: Kinesis refuses, say for want of rights.
        TransientFailure: Kinesis does not answer in time, or a stream does not become ACTIVE.
    """
    client = _client(settings)
    names = [settings.names.stream(entity) for entity in ENTITIES]
    made = [name for name in names if _create_absent(settings, client, name)]
    for name in names:
        _await(settings, client, name, *_READY)
    return [f"stream {name}: created with {settings.kinesis_shards} shards" for name in made]


def delete_streams(
    settings: Settings, streams: Sequence[str] | None = None, before: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Delete streams with all that they hold, and wait until they are gone.

    Args:
        settings: endpoint, region and user id.
        streams: their names; None for those of the user id.
        before: called with each stream that is there, before the first one is deleted; what it raises prevents it.

    Returns:
        A line for each stream deleted; none if there was none.

    Raises:
        PermanentFailure: Kinesis refuses, say for want of rights.
        TransientFailure: Kinesis does not answer in time, or a stream does not go.
    """
    client = _client(settings)
    names = [settings.names.stream(entity) for entity in ENTITIES] if streams is None else streams
    there = [name for name in dict.fromkeys(names) if _status(settings, client, name)]
    for name in there:
        _await(settings, client, name, *_READY, "DELETING", "")
        before(name)
    for name in there:
        with _explained(settings, f"delete stream {name}", harmless="ResourceNotFoundException"):
            client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    for name in there:
        _await(settings, client, name, "")
    return [f"stream {name}: deleted" for name in there]


def _client(settings: Settings) -> Any:
    with _explained(settings, "answer"):
        return kinesis_client(settings)


def _create_absent(settings: Settings, client: Any, name: str) -> bool:
    """Create a stream if it is absent; the epoch comes with it in one call, so that none is ever without."""
    if _status(settings, client, name):
        return False
    with _explained(settings, f"create stream {name}", harmless="ResourceInUseException"):
        client.create_stream(
            StreamName=name,
            ShardCount=settings.kinesis_shards,
            StreamModeDetails={"StreamMode": "PROVISIONED"},
            Tags={EPOCH_TAG: str(uuid.uuid4())},
        )
        return True
    return False


def _status(settings: Settings, client: Any, name: str) -> str:
    """A stream's state, empty where there is no such stream."""
    with _explained(settings, f"describe stream {name}", harmless="ResourceNotFoundException"):
        return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
    return ""


def _await(settings: Settings, client: Any, name: str, *wanted: str) -> None:
    """Wait until a stream is in one of some states."""
    deadline = time.monotonic() + WAIT_SECONDS
    pause = _FIRST_PAUSE
    while (status := _status(settings, client, name)) not in wanted:
        if time.monotonic() > deadline:
            raise TransientFailure(
                f"{_where(settings)}: stream {name} is still {status or 'absent'} after {WAIT_SECONDS:g} s.",
                "Look at the stream, and run it again.",
            )
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE)


@contextmanager
def _explained(settings: Settings, what: str, harmless: str | None = None) -> Iterator[None]:
    """Turn boto3's errors into the platform's; the error code `harmless` just ends the block."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError

    where = _where(settings)
    try:
        yield
    except ClientError as error:
        code: str = error.response["Error"].get("Code", "")
        if code == harmless:
            return
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or code in _PASSING:
            raise TransientFailure(
                f"{where} did not {what}: {error}.", "Wait a little and run it again; mind the account's quotas."
            ) from None
        raise PermanentFailure(
            f"{where} would not {what}: {error}.", "Look at the account's rights and at PINTEREST_KINESIS_SHARDS."
        ) from None
    except KeyError as error:
        raise TransientFailure(f"{where} did not {what}: its answer lacks {error}.", "Run it again.") from None
    except (NoCredentialsError, ValueError) as error:
        raise PermanentFailure(
            f"{where} cannot be dialled: {error}.",
            "Set AWS_ENDPOINT_URL_KINESIS, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as they should be.",
        ) from None
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise TransientFailure(
            f"{where} did not {what}: {error}.", "Start the server or mend the way to it, and run it again."
        ) from None


def _where(settings: Settings) -> str:
    return f"Kinesis at {settings.kinesis_endpoint or settings.region}"
