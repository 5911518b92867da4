"""How to dial Kafka, S3 and Kinesis: what adapters and provisioning share. Vendors' packages are imported late."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings


def kafka_config(settings: Settings) -> dict[str, Any]:
    """The part of a librdkafka configuration that every client shares: where the brokers are and who is asking.

    Raises:
        PermanentFailure: the settings for signing in do not fit together, or need a package that is not installed.
    """
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "client.id": "pinterest-platform",
        "security.protocol": settings.kafka_security_protocol,
        "socket.connection.setup.timeout.ms": _ms(min(10.0, max(1.0, settings.io_timeout_seconds))),
        "socket.timeout.ms": _ms(max(1.0, settings.io_timeout_seconds)),
        "reconnect.backoff.max.ms": 1000,
        # Connection trouble is told by the failure that it leads to, not by librdkafka on stderr.
        "log_level": 0,
    }
    mechanism = settings.kafka_sasl_mechanism
    if mechanism is None:
        if settings.kafka_security_protocol.startswith("SASL"):
            raise PermanentFailure(
                f"KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}, and KAFKA_SASL_MECHANISM is not set.",
                "Set it to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or AWS_MSK_IAM.",
            )
        return config
    if not settings.kafka_security_protocol.startswith("SASL"):
        raise PermanentFailure(
            f"KAFKA_SASL_MECHANISM is {mechanism}, and KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}.",
            "Set KAFKA_SECURITY_PROTOCOL to SASL_SSL (or SASL_PLAINTEXT).",
        )
    if mechanism == "AWS_MSK_IAM":
        return config | {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": _msk_token(settings.region)}
    if not settings.kafka_sasl_username or settings.kafka_sasl_password is None:
        raise PermanentFailure(
            f"KAFKA_SASL_MECHANISM is {mechanism}, which needs a name and a password.",
            "Set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.",
        )
    return config | {
        "sasl.mechanism": mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": settings.kafka_sasl_password.get_secret_value(),
    }


def _msk_token(region: str) -> Callable[[str], tuple[str, float]]:
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise PermanentFailure(
            "KAFKA_SASL_MECHANISM is AWS_MSK_IAM, and the package that signs for MSK is not installed.",
            "Install aws-msk-iam-sasl-signer-python beside the platform.",
        ) from None

    def token(_: str) -> tuple[str, float]:
        signed, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return signed, expires_ms / 1000

    return token


def s3_client(settings: Settings) -> Any:
    """A boto3 S3 client whose calls, retries included, fail within `settings.io_timeout_seconds` if nobody answers."""
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
    # A session of its own: the default one is shared between threads, and clients are made in several.
    session = boto3.Session(region_name=settings.region)
    return session.client("s3", endpoint_url=settings.s3_endpoint, config=config)


def kinesis_client(settings: Settings) -> Any:
    """A boto3 Kinesis client whose calls, retries included, fail within `settings.io_timeout_seconds` in silence."""
    import boto3
    from botocore.config import Config
    from botocore.session import get_session

    config = Config(
        connect_timeout=0.2 * settings.io_timeout_seconds,
        read_timeout=0.4 * settings.io_timeout_seconds,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=16,
        user_agent_appid="pinterest-platform",
        # AWS_ENDPOINT_URL is where S3 is: Kinesis without an address of its own is Amazon's.
        ignore_configured_endpoint_urls=True,
    )
    session = get_session()
    # Each record carries a time: botocore's own way to read it, by way of the local zone, halves the rate.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_utc)
    return boto3.Session(botocore_session=session, region_name=settings.region).client(
        "kinesis", endpoint_url=settings.kinesis_endpoint, config=config
    )


def _utc(seconds: float | str) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
