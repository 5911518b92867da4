"""The bucket that holds raw objects, tables and the page (SPEC 2)."""

from typing import Any

from pinterest_platform.adapters.clients import s3_client
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings

_DEFAULT_REGION = "us-east-1"
"""The one region that a bucket's request must not name."""


def ensure_bucket(settings: Settings) -> list[str]:
    """Make the bucket if it is missing.

    Args:
        settings: the bucket's name, and its region.

    Returns:
        A line if it was made, else none.

    Raises:
        PermanentFailure: the name belongs to another account, or the account may not make it.
        TransientFailure: the server does not answer in time.
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError

    bucket = settings.names.bucket
    where = f"S3 at {settings.s3_endpoint or settings.region}"
    try:
        return _ensure(s3_client(settings), bucket, settings.region)
    except ClientError as error:
        code: str = error.response["Error"].get("Code", "")
        if code in ("BucketAlreadyExists", "403", "AccessDenied", "Forbidden"):
            raise PermanentFailure(
                f"{where}: bucket {bucket} is not this account's to use or to make ({code}).",
                "Set PINTEREST_BUCKET to another name, or mend the account's rights.",
            ) from None
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        failure = TransientFailure if status >= 500 or code in ("OperationAborted", "SlowDown") else PermanentFailure
        raise failure(
            f"{where} did not make bucket {bucket}: {error}.", "Look at the server and run it again."
        ) from None
    except (NoCredentialsError, ValueError) as error:
        raise PermanentFailure(
            f"{where} cannot be dialled: {error}.",
            "Set AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as they should be.",
        ) from None
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise TransientFailure(
            f"{where} did not answer for bucket {bucket}: {error}.", "Start the server or mend the way to it."
        ) from None


def _ensure(client: Any, bucket: str, region: str) -> list[str]:
    from botocore.exceptions import ClientError

    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"].get("Code") not in ("404", "NoSuchBucket"):
            raise
    else:
        return []
    placed = {} if region == _DEFAULT_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        client.create_bucket(Bucket=bucket, **placed)
    except ClientError as error:
        if error.response["Error"].get("Code") != "BucketAlreadyOwnedByYou":
            raise
        return []
    return [f"bucket {bucket}: created"]
