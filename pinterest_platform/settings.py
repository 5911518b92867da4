"""The only reader of the environment.

Nothing is read while definitions load: resources call `load` when they are first used.
"""

import json
import re
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pinterest_platform.catalog import ENTITIES, Entity, Names
from pinterest_platform.failures import PermanentFailure

MIB = 1024 * 1024
T = TypeVar("T", bound=BaseSettings)
SPARK_PACKAGES = "io.delta:delta-spark_4.2_2.13:4.4.0,org.apache.hadoop:hadoop-aws:3.5.0"
"""What Spark on a JVM lacks by itself: Delta, and S3."""


class AlertSettings(BaseSettings):
    """What it takes to tell people of a failure; that the other settings are wrong may be what they have to be told."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", case_sensitive=True, populate_by_name=True)

    user_id: str = Field("0a1153066525", alias="PINTEREST_USER_ID", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    io_timeout_seconds: float = Field(30.0, alias="PINTEREST_IO_TIMEOUT_SECONDS", gt=0, le=3600)
    retry_delay_seconds: float = Field(1200.0, alias="PINTEREST_RETRY_DELAY_SECONDS", ge=0, le=43_200)
    alert_webhook: SecretStr | None = Field(None, alias="PINTEREST_ALERT_WEBHOOK")
    ui_url: str = Field("http://127.0.0.1:3000", alias="PINTEREST_UI_URL", pattern=r"^https?://[^\s]+$")

    @field_validator("alert_webhook")
    @classmethod
    def _web_address(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _is_web_address(secret.get_secret_value()):
            raise ValueError(
                "it has to be an address with a host, that begins with https:// or http://, without blanks"
            )
        return secret


class Settings(AlertSettings):
    """Every setting of the platform; `.env.example` lists the variables with their meaning."""

    bucket: str = Field("", alias="PINTEREST_BUCKET", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    home: str = Field(".platform", alias="PINTEREST_HOME")

    kafka_bootstrap_servers: str = Field(alias="KAFKA_BOOTSTRAP_SERVERS")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", alias="KAFKA_SECURITY_PROTOCOL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "AWS_MSK_IAM"] | None = Field(
        None, alias="KAFKA_SASL_MECHANISM"
    )
    kafka_sasl_username: str | None = Field(None, alias="KAFKA_SASL_USERNAME")
    kafka_sasl_password: SecretStr | None = Field(None, alias="KAFKA_SASL_PASSWORD")
    kafka_partitions: int = Field(3, alias="PINTEREST_KAFKA_PARTITIONS", ge=1, le=10_000)
    kafka_replication: int = Field(1, alias="PINTEREST_KAFKA_REPLICATION", ge=1, le=32)

    region: str = Field("us-east-1", alias="AWS_REGION")
    s3_endpoint: str | None = Field(None, alias="AWS_ENDPOINT_URL")

    kinesis_endpoint: str | None = Field(None, alias="AWS_ENDPOINT_URL_KINESIS")
    kinesis_shards: int = Field(4, alias="PINTEREST_KINESIS_SHARDS", ge=1, le=10_000)

    object_bytes: int = Field(64 * MIB, alias="PINTEREST_OBJECT_BYTES", ge=1024, le=1024 * MIB)
    clean_batch_bytes: int = Field(1024 * MIB, alias="PINTEREST_CLEAN_BATCH_BYTES", ge=1024)
    spark_engine: Literal["sail", "connect", "spark", "databricks"] = Field("sail", alias="PINTEREST_SPARK_ENGINE")
    spark_remote: SecretStr | None = Field(None, alias="PINTEREST_SPARK_REMOTE")
    spark_packages: str = Field(SPARK_PACKAGES, alias="PINTEREST_SPARK_PACKAGES")
    java_home: str | None = Field(None, alias="JAVA_HOME")
    spark_timeout_seconds: float = Field(1800.0, alias="PINTEREST_SPARK_TIMEOUT_SECONDS", gt=0)
    databricks_host: str | None = Field(
        None, alias="DATABRICKS_HOST", pattern=r"^(https?://)?[A-Za-z0-9.-]+(:[0-9]+)?/?$"
    )
    databricks_token: SecretStr | None = Field(None, alias="DATABRICKS_TOKEN")
    databricks_compute: Literal["existing", "new", "serverless"] = Field(
        "existing", alias="PINTEREST_DATABRICKS_COMPUTE"
    )
    databricks_cluster_id: str | None = Field(None, alias="DATABRICKS_CLUSTER_ID")
    databricks_new_cluster: SecretStr | None = Field(None, alias="PINTEREST_DATABRICKS_NEW_CLUSTER")
    databricks_volume: str | None = Field(
        None, alias="PINTEREST_DATABRICKS_VOLUME", pattern=r"^/Volumes(/[^/\s]+){3,}$"
    )
    databricks_wheel: str | None = Field(None, alias="PINTEREST_DATABRICKS_WHEEL")
    drain_idle_seconds: float = Field(20.0, alias="PINTEREST_DRAIN_IDLE_SECONDS", ge=0)
    drain_longest_seconds: float = Field(3600.0, alias="PINTEREST_DRAIN_LONGEST_SECONDS", gt=0)
    retention_hours: int = Field(168, alias="PINTEREST_RETENTION_HOURS", ge=1, le=87_600)
    connect_topics: str = Field("", alias="PINTEREST_CONNECT_TOPICS")
    new_epoch: Literal["fail", "land"] = Field("fail", alias="PINTEREST_NEW_EPOCH")

    @field_validator("connect_topics")
    @classmethod
    def _entities_only(cls, text: str) -> str:
        known = {entity.name for entity in ENTITIES}
        unknown = [part for part in text.split(",") if part and part not in known]
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)} is no entity; name some of {', '.join(sorted(known))}, comma-separated"
            )
        return text

    @field_validator("databricks_token")
    @classmethod
    def _one_word(cls, secret: SecretStr | None) -> SecretStr | None:
        # In a header, an HTTP client would refuse it with a message that shows it.
        if secret is not None and not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
            raise ValueError("it holds blanks, line ends or letters that no token has")
        return secret

    @field_validator("databricks_new_cluster")
    @classmethod
    def _json_object(cls, secret: SecretStr | None) -> SecretStr | None:
        # Secret because of the variables that it may give to the cluster.
        try:
            found = {} if secret is None else json.loads(secret.get_secret_value())
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValueError("it has to be a JSON object, the specification of a cluster")
        return secret

    @property
    def names(self) -> Names:
        """All names that follow from the user id and the bucket."""
        default = f"user-{self.user_id}-bucket".lower().replace("_", "-")
        return Names(self.user_id, self.bucket or default)

    def landed_by_connect(self, entity: Entity) -> bool:
        """Whether a Kafka Connect S3 sink lands this entity's topic, instead of the platform."""
        return entity.name in self.connect_topics.split(",")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Each refuses by itself what an HTTP client would refuse at the first alert only.
        named = bool((parts.hostname or "").encode("idna")) and parts.port != 0 and parts.username is None
    except ValueError:
        return False
    return named and re.fullmatch(r"https?://[!-~]+", text) is not None


def load() -> Settings:
    """Read the environment.

    Raises:
        PermanentFailure: naming every missing and every wrong variable at once, never a value that is secret.
    """
    return _read(Settings)


def load_for_alerts() -> AlertSettings:
    """Read of the environment what alerts need; raises as `load` does, of these variables alone."""
    return _read(AlertSettings)


def _read(kind: type[T]) -> T:
    try:
        return kind()
    except ValidationError as error:
        problems = "; ".join(f"{issue['loc'][0]}: {issue['msg']}" for issue in error.errors(include_input=False))
        raise PermanentFailure(
            f"The environment lacks or misstates: {problems}.",
            'Set them (".env.example" explains each), or run: eval "$(python -m emulators env)".',
        ) from None
