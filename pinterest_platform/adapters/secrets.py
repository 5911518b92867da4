"""Secrets of the settings, given directly or by reference to AWS Secrets Manager."""

import json
import threading
import time
import warnings
from typing import Any

from pinterest_platform.adapters.aws_errors import unreachable
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.settings import AlertSettings

_LIFETIME_SECONDS = 300.0
"""A secret is read again after this time, so that a long-lived process uses a rotated one."""

_ATTEMPTS = 2
_TRANSIENT = frozenset({"InternalServiceError", "InternalServiceErrorException", "ThrottlingException"})
_cache: dict[tuple[str, ...], tuple[float, str]] = {}
_lock = threading.Lock()


def resolve_secret(settings: AlertSettings, name: str) -> str:
    """Return the value of a secret setting; a reference is read from Secrets Manager on first use.

    Args:
        settings: the settings that hold the secret or its reference.
        name: the field of the secret, such as `databricks_token`.

    Returns:
        The value, or "" if neither the secret nor its reference is set.

    Raises:
        PermanentFailure: the secret does not exist, cannot be read, or has no valid value for this setting.
        TransientFailure: Secrets Manager did not respond.
    """
    reference = settings.secret_reference(name)
    if reference is None:
        secret = getattr(settings, name)
        return secret.get_secret_value() if secret is not None else ""
    variable = settings.variable(f"{name}_secret")
    secret_id, _, key = reference.partition("#")
    value = _read(settings, variable, secret_id)
    if key:
        value = _entry(variable, secret_id, key, value)
    try:
        return settings.checked_secret(name, value)
    except ValueError as error:
        raise PermanentFailure(
            f"The secret {reference} of {variable} is not valid: {error}.",
            "Store a valid value in AWS Secrets Manager, or name another secret.",
        ) from None


def _read(settings: AlertSettings, variable: str, secret_id: str) -> str:
    cache_key = (settings.secrets_endpoint or "", settings.region, secret_id)
    with _lock:
        read_at, value = _cache.get(cache_key, (0.0, ""))
        if not read_at or time.monotonic() - read_at > _LIFETIME_SECONDS:
            value = _fetch(settings, variable, secret_id)
            _cache[cache_key] = (time.monotonic(), value)
        return value


def _fetch(settings: AlertSettings, variable: str, secret_id: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        response = _client(settings).get_secret_value(SecretId=secret_id)
    except ClientError as error:
        raise _failure(settings, variable, secret_id, error) from None
    except (NoCredentialsError, ValueError) as error:
        raise PermanentFailure(
            f"The secret {secret_id} of {variable} cannot be read: {error}.",
            "Set AWS credentials, AWS_REGION and, if it is not Amazon's, AWS_ENDPOINT_URL_SECRETS_MANAGER.",
        ) from None
    except (BotoCoreError, OSError) as error:
        address = settings.secrets_endpoint or settings.region
        failure = unreachable(f"AWS Secrets Manager at {address}", error)
        raise type(failure)(
            f"The secret {secret_id} of {variable} cannot be read: {failure.what}",
            f"{failure.action} AWS_ENDPOINT_URL_SECRETS_MANAGER sets its address.",
        ) from None
    value = response.get("SecretString")
    if not value:
        raise PermanentFailure(
            f"The secret {secret_id} of {variable} has no text value.", "Store it as text in AWS Secrets Manager."
        )
    return value


def _client(settings: AlertSettings) -> Any:
    """Return a client made by dagster-aws; AWS_ENDPOINT_URL, the address of S3, does not apply to it."""
    import botocore.session
    from botocore.config import Config
    from dagster_aws.secretsmanager import SecretsManagerResource

    endpoint = settings.secrets_endpoint
    if endpoint is None:
        own = Config(ignore_configured_endpoint_urls=True)
        amazon = botocore.session.get_session().create_client("secretsmanager", region_name=settings.region, config=own)
        endpoint = amazon.meta.endpoint_url
    warnings.filterwarnings("ignore", "Class `SecretsManagerResource`")
    return SecretsManagerResource(
        region_name=settings.region, endpoint_url=endpoint, max_attempts=_ATTEMPTS
    ).get_client()


def _failure(settings: AlertSettings, variable: str, secret_id: str, error: Any) -> PlatformFailure:
    code: str = error.response["Error"].get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    what = f"The secret {secret_id} of {variable} cannot be read from AWS Secrets Manager in {settings.region}: {code}."
    if status >= 500 or code in _TRANSIENT:
        return TransientFailure(what, "Retry later.")
    if code == "ResourceNotFoundException":
        return PermanentFailure(what, f"Create the secret, or set {variable} to the ARN or name of an existing one.")
    return PermanentFailure(what, "Allow secretsmanager:GetSecretValue, and kms:Decrypt for a key of your own.")


def _entry(variable: str, secret_id: str, key: str, text: str) -> str:
    """Return the value under a key of a secret that is a JSON object, as for Amazon MSK."""
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        value = None
    if not isinstance(value, str):
        raise PermanentFailure(
            f"The secret {secret_id} of {variable} is not a JSON object with a text under the key {key}.",
            f"Add the key to the secret, or set {variable} to another key (after #).",
        )
    return value
