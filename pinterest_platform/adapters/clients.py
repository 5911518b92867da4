"""Clients of Kafka, S3 and Kinesis, for adapters and provisioning. Vendors' packages are imported on first use."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pinterest_platform.adapters.secrets import resolve_secret
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings


def kafka_config(settings: Settings) -> dict[str, Any]:
    """Return the librdkafka configuration that every client shares: brokers, time limits and authentication.

    Raises:
        PermanentFailure: the SASL settings do not fit together, their secret cannot be read, or a package is missing.
        TransientFailure: AWS Secrets Manager did not respond.
    """
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "client.id": "pinterest-platform",
        "security.protocol": settings.kafka_security_protocol,
        "socket.connection.setup.timeout.ms": _ms(min(10.0, max(1.0, settings.io_timeout_seconds))),
        "socket.timeout.ms": _ms(max(1.0, settings.io_timeout_seconds)),
        "reconnect.backoff.max.ms": 1000,
        # Connection errors are in the failure that they lead to; librdkafka must not write them to stderr.
        "log_level": 0,
    }
    mechanism = settings.kafka_sasl_mechanism
    if mechanism is None:
        if settings.kafka_security_protocol.startswith("SASL"):
            raise PermanentFailure(
                f"KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}, but KAFKA_SASL_MECHANISM is not set.",
                "Set KAFKA_SASL_MECHANISM to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or AWS_MSK_IAM.",
            )
        return config
    if not settings.kafka_security_protocol.startswith("SASL"):
        raise PermanentFailure(
            f"KAFKA_SASL_MECHANISM is {mechanism}, but KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}.",
            "Set KAFKA_SECURITY_PROTOCOL to SASL_SSL (or SASL_PLAINTEXT).",
        )
    if mechanism == "AWS_MSK_IAM":
        return config | {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": _msk_token(settings.region)}
    if not settings.kafka_sasl_username or not settings.has_secret("kafka_sasl_password"):
        raise PermanentFailure(
            f"KAFKA_SASL_MECHANISM is {mechanism}, which needs a user name and a password.",
            "Set KAFKA_SASL_USERNAME, and KAFKA_SASL_PASSWORD or PINTEREST_KAFKA_SASL_PASSWORD_SECRET.",
        )
    return config | {
        "sasl.mechanism": mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": resolve_secret(settings, "kafka_sasl_password"),
    }


def _msk_token(region: str) -> Callable[[str], tuple[str, float]]:
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise PermanentFailure(
            "KAFKA_SASL_MECHANISM is AWS_MSK_IAM, but the package that signs for MSK is not installed.",
            "Install the package aws-msk-iam-sasl-signer-python into the platform's environment.",
        ) from None

    def token(_: str) -> tuple[str, float]:
        signed, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return signed, expires_ms / 1000

    return token


def s3_client(settings: Settings) -> Any:
    """Return a boto3 S3 client whose calls fail within `settings.io_timeout_seconds`, retries included."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=0.2 * settings.io_timeout_seconds,
        read_timeout=0.4 * settings.io_timeout_seconds,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=16,
        s3={"addressing_style": "path" if settings.s3_endpoint else "auto"},
        user_agent_appid="pinterest-platform",
    )
    # Not boto3's default session: it is not safe for threads, and several threads create clients.
    session = boto3.Session(region_name=settings.region)
    return session.client("s3", endpoint_url=settings.s3_endpoint, config=config)


def kinesis_client(settings: Settings) -> Any:
    """Return a boto3 Kinesis client whose calls fail within `settings.io_timeout_seconds`, retries included."""
    import boto3
    from botocore.config import Config
    from botocore.session import get_session

    config = Config(
        connect_timeout=0.2 * settings.io_timeout_seconds,
        read_timeout=0.4 * settings.io_timeout_seconds,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=16,
        user_agent_appid="pinterest-platform",
        # AWS_ENDPOINT_URL is the address of S3. Kinesis without an address of its own is Amazon's.
        ignore_configured_endpoint_urls=True,
    )
    session = get_session()
    # Each record has a time. botocore's own parser converts it by way of the local zone and halves the rate.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_utc)
    return boto3.Session(botocore_session=session, region_name=settings.region).client(
        "kinesis", endpoint_url=settings.kinesis_endpoint, config=config
    )


def _utc(seconds: float | str) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
