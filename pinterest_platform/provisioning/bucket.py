"""The bucket of raw objects, tables and the page (rules N4, N6)."""

from functools import partial
from typing import Any

from pinterest_platform.adapters.aws_errors import unreachable
from pinterest_platform.adapters.call_limit import within
from pinterest_platform.adapters.clients import s3_client
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings

_DEFAULT_REGION = "us-east-1"
"""The one region that a request to create a bucket must not name."""


def ensure_bucket(settings: Settings) -> list[str]:
    """Create the bucket if it is missing.

    Args:
        settings: the bucket's name and region.

    Returns:
        A line if it was created, else none.

    Raises:
        PermanentFailure: the name belongs to another account, or the account must not create it.
        TransientFailure: the server does not respond in time.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    bucket = settings.names.bucket
    service = f"S3 at {settings.s3_endpoint or settings.region}"
    try:
        client = s3_client(settings)
        return within(settings.io_timeout_seconds, partial(_ensure, client, bucket, settings.region))
    except ClientError as error:
        code: str = error.response["Error"].get("Code", "")
        if code in ("BucketAlreadyExists", "403", "AccessDenied", "Forbidden"):
            raise PermanentFailure(
                f"{service}: this account has no permission to use or create bucket {bucket} ({code}).",
                "Set PINTEREST_BUCKET to another name, or correct the permissions of the account.",
            ) from None
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        failure = TransientFailure if status >= 500 or code in ("OperationAborted", "SlowDown") else PermanentFailure
        raise failure(
            f"{service} did not create bucket {bucket}: {error}.", "Check the server's log, then retry."
        ) from None
    except (NoCredentialsError, ValueError) as error:
        raise PermanentFailure(
            f"{service} cannot be called: {error}.",
            "Correct AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from None
    except (BotoCoreError, ResponseParserError, OSError) as error:
        raise unreachable(service, error) from None


def _ensure(client: Any, bucket: str, region: str) -> list[str]:
    from botocore.exceptions import ClientError

    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"].get("Code") not in ("404", "NoSuchBucket"):
            raise
    else:
        return []
    location = {} if region == _DEFAULT_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        client.create_bucket(Bucket=bucket, **location)
    except ClientError as error:
        if error.response["Error"].get("Code") != "BucketAlreadyOwnedByYou":
            raise
        return []
    return [f"bucket {bucket}: created"]
