"""The settings of the platform, each with its environment variable."""

from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pinterest_platform.catalog import ENTITIES, Entity, Names
from pinterest_platform.settings.secret_checks import SECRET_CHECKS

_MIB = 1024 * 1024
_SOURCE = SettingsConfigDict(env_ignore_empty=True, extra="ignore", case_sensitive=True, populate_by_name=True)
_USER_ID: Any = Field("0a1153066525", alias="PINTEREST_USER_ID", pattern=r"^[A-Za-z0-9_-]{1,64}$")
_BUCKET: Any = Field("", alias="PINTEREST_BUCKET", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
_HOME: Any = Field(".platform", alias="PINTEREST_HOME")
_SPARK_PACKAGES = "io.delta:delta-spark_4.2_2.13:4.4.0,org.apache.hadoop:hadoop-aws:3.5.0"
"""Packages that Spark on a JVM needs: Delta and S3."""


class AlertSettings(BaseSettings):
    """Settings of alerts, which must be readable even if another setting is wrong.

    For each secret `x`, `x_secret` is a reference to AWS Secrets Manager; `adapters.secrets` reads it.
    """

    model_config = _SOURCE

    user_id: str = _USER_ID
    region: str = Field("us-east-1", alias="AWS_REGION")
    secrets_endpoint: str | None = Field(None, alias="AWS_ENDPOINT_URL_SECRETS_MANAGER")
    io_timeout_seconds: float = Field(30.0, alias="PINTEREST_IO_TIMEOUT_SECONDS", gt=0, le=3600)
    retry_delay_seconds: float = Field(1200.0, alias="PINTEREST_RETRY_DELAY_SECONDS", ge=0, le=43_200)
    alert_webhook: SecretStr | None = Field(None, alias="PINTEREST_ALERT_WEBHOOK")
    alert_webhook_secret: str | None = Field(None, alias="PINTEREST_ALERT_WEBHOOK_SECRET")
    alert_lag_seconds: float = Field(1800.0, alias="PINTEREST_ALERT_LAG_SECONDS", ge=60)
    alert_headroom_share: float = Field(0.25, alias="PINTEREST_ALERT_HEADROOM_SHARE", ge=0, lt=1)
    alert_quarantine_share: float = Field(0.05, alias="PINTEREST_ALERT_QUARANTINE_SHARE", ge=0, le=1)
    ui_url: str = Field("http://127.0.0.1:3000", alias="PINTEREST_UI_URL", pattern=r"^https?://[^\s]+$")

    @field_validator("alert_webhook")
    @classmethod
    def _check_webhook(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            cls.checked_secret("alert_webhook", secret.get_secret_value())
        return secret

    @field_validator("alert_webhook_secret")
    @classmethod
    def _check_reference(cls, reference: str | None, info: ValidationInfo) -> str | None:
        return cls._require_one_of_two(reference, info)

    @classmethod
    def _require_one_of_two(cls, reference: str | None, info: ValidationInfo) -> str | None:
        name = (info.field_name or "").removesuffix("_secret")
        if reference is not None and info.data.get(name) is not None:
            raise ValueError(f"{cls.variable(name)} is set too: unset one of the two")
        return reference

    def has_secret(self, name: str) -> bool:
        """Return whether a secret or its reference is set."""
        return bool(getattr(self, name)) or self.secret_reference(name) is not None

    def secret_reference(self, name: str) -> str | None:
        """Return the reference of a secret to AWS Secrets Manager: an ARN or a name, and optionally `#` and a key."""
        return getattr(self, f"{name}_secret")

    @classmethod
    def variable(cls, name: str) -> str:
        """Return the environment variable of a field."""
        return str(cls.model_fields[name].alias)

    @classmethod
    def checked_secret(cls, name: str, value: str) -> str:
        """Return the value of a secret; raises ValueError if it cannot be valid, without showing it."""
        check = SECRET_CHECKS.get(name)
        if check is not None:
            check(value)
        return value


class Settings(AlertSettings):
    """All settings of the platform. `.env.example` explains each variable."""

    bucket: str = _BUCKET
    home: str = _HOME

    kafka_bootstrap_servers: str = Field(alias="KAFKA_BOOTSTRAP_SERVERS")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", alias="KAFKA_SECURITY_PROTOCOL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "AWS_MSK_IAM"] | None = Field(
        None, alias="KAFKA_SASL_MECHANISM"
    )
    kafka_sasl_username: str | None = Field(None, alias="KAFKA_SASL_USERNAME")
    kafka_sasl_password: SecretStr | None = Field(None, alias="KAFKA_SASL_PASSWORD")
    kafka_sasl_password_secret: str | None = Field(None, alias="PINTEREST_KAFKA_SASL_PASSWORD_SECRET")
    kafka_partitions: int = Field(3, alias="PINTEREST_KAFKA_PARTITIONS", ge=1, le=10_000)
    kafka_replication: int = Field(1, alias="PINTEREST_KAFKA_REPLICATION", ge=1, le=32)

    s3_endpoint: str | None = Field(None, alias="AWS_ENDPOINT_URL")

    api_url: str | None = Field(None, alias="PINTEREST_API_URL", pattern=r"^https?://[^\s]+$")
    api_key: SecretStr | None = Field(None, alias="PINTEREST_API_KEY")

    kinesis_endpoint: str | None = Field(None, alias="AWS_ENDPOINT_URL_KINESIS")
    kinesis_shards: int = Field(4, alias="PINTEREST_KINESIS_SHARDS", ge=1, le=10_000)

    object_bytes: int = Field(64 * _MIB, alias="PINTEREST_OBJECT_BYTES", ge=1024, le=1024 * _MIB)
    clean_batch_bytes: int = Field(1024 * _MIB, alias="PINTEREST_CLEAN_BATCH_BYTES", ge=1024)
    spark_engine: Literal["sail", "connect", "spark", "databricks"] = Field("sail", alias="PINTEREST_SPARK_ENGINE")
    spark_remote: SecretStr | None = Field(None, alias="PINTEREST_SPARK_REMOTE")
    spark_remote_secret: str | None = Field(None, alias="PINTEREST_SPARK_REMOTE_SECRET")
    spark_packages: str = Field(_SPARK_PACKAGES, alias="PINTEREST_SPARK_PACKAGES")
    java_home: str | None = Field(None, alias="JAVA_HOME")
    spark_timeout_seconds: float = Field(1800.0, alias="PINTEREST_SPARK_TIMEOUT_SECONDS", gt=0)
    databricks_host: str | None = Field(
        None, alias="DATABRICKS_HOST", pattern=r"^(https?://)?[A-Za-z0-9.-]+(:[0-9]+)?/?$"
    )
    databricks_token: SecretStr | None = Field(None, alias="DATABRICKS_TOKEN")
    databricks_token_secret: str | None = Field(None, alias="PINTEREST_DATABRICKS_TOKEN_SECRET")
    databricks_compute: Literal["existing", "new", "serverless"] = Field(
        "existing", alias="PINTEREST_DATABRICKS_COMPUTE"
    )
    databricks_cluster_id: str | None = Field(None, alias="DATABRICKS_CLUSTER_ID")
    databricks_new_cluster: SecretStr | None = Field(None, alias="PINTEREST_DATABRICKS_NEW_CLUSTER")
    databricks_new_cluster_secret: str | None = Field(None, alias="PINTEREST_DATABRICKS_NEW_CLUSTER_SECRET")
    databricks_volume: str | None = Field(
        None, alias="PINTEREST_DATABRICKS_VOLUME", pattern=r"^/Volumes(/[^/\s]+){3,}$"
    )
    databricks_wheel: str | None = Field(None, alias="PINTEREST_DATABRICKS_WHEEL")
    drain_idle_seconds: float = Field(20.0, alias="PINTEREST_DRAIN_IDLE_SECONDS", ge=0)
    drain_longest_seconds: float = Field(3600.0, alias="PINTEREST_DRAIN_LONGEST_SECONDS", gt=0)
    drain_fill_seconds: float = Field(0.5, alias="PINTEREST_DRAIN_FILL_SECONDS", ge=0, le=60)
    retention_hours: int = Field(168, alias="PINTEREST_RETENTION_HOURS", ge=1, le=87_600)
    merge_after_hours: int = Field(24, alias="PINTEREST_MERGE_AFTER_HOURS", ge=0, le=87_600)
    audit_days: int = Field(7, alias="PINTEREST_AUDIT_DAYS", ge=1, le=3650)
    audit_seconds: float = Field(900.0, alias="PINTEREST_AUDIT_SECONDS", ge=0)
    run_retention_days: int = Field(30, alias="PINTEREST_RUN_RETENTION_DAYS", ge=8, le=3650)
    page_retention_days: int = Field(365, alias="PINTEREST_PAGE_RETENTION_DAYS", ge=1, le=36_500)
    connect_topics: str = Field("", alias="PINTEREST_CONNECT_TOPICS")
    new_epoch: Literal["fail", "land"] = Field("fail", alias="PINTEREST_NEW_EPOCH")
    max_clock_skew_seconds: float = Field(86_400.0, alias="PINTEREST_MAX_CLOCK_SKEW_SECONDS", ge=0, le=31_536_000)

    @field_validator(
        "kafka_sasl_password_secret", "spark_remote_secret", "databricks_token_secret", "databricks_new_cluster_secret"
    )
    @classmethod
    def _check_references(cls, reference: str | None, info: ValidationInfo) -> str | None:
        return cls._require_one_of_two(reference, info)

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _check_brokers(cls, text: str) -> str:
        if "://" in text:
            raise ValueError("it has a scheme: set host:port, or several of them with commas")
        return text

    @field_validator("s3_endpoint", "kinesis_endpoint")
    @classmethod
    def _check_endpoint(cls, address: str | None) -> str | None:
        if address and not address.startswith(("http://", "https://")):
            raise ValueError("it does not begin with http:// or https://")
        return address

    @field_validator("connect_topics")
    @classmethod
    def _check_entities(cls, text: str) -> str:
        names = {entity.name for entity in ENTITIES}
        unknown = [part for part in text.split(",") if part and part not in names]
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is not an entity: set some of {', '.join(sorted(names))}")
        return text

    @field_validator("databricks_token")
    @classmethod
    def _check_token(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            cls.checked_secret("databricks_token", secret.get_secret_value())
        return secret

    @field_validator("databricks_new_cluster")
    @classmethod
    def _check_cluster(cls, secret: SecretStr | None) -> SecretStr | None:
        # A secret, because it may set variables of the cluster.
        if secret is not None:
            cls.checked_secret("databricks_new_cluster", secret.get_secret_value())
        return secret

    @property
    def names(self) -> Names:
        """All names that derive from the user id and the bucket."""
        return derived_names(self.user_id, self.bucket)

    def landed_by_connect(self, entity: Entity) -> bool:
        """Return whether a Kafka Connect S3 sink lands this entity's topic, instead of the platform."""
        return entity.name in self.connect_topics.split(",")


class NameSettings(BaseSettings):
    """The two settings that names derive from."""

    model_config = _SOURCE

    user_id: str = _USER_ID
    bucket: str = _BUCKET


class HomeSettings(BaseSettings):
    """The home, which no value makes wrong."""

    model_config = _SOURCE

    home: str = _HOME


def derived_names(user_id: str, bucket: str) -> Names:
    """Return the names that derive from a user id and a bucket; without a bucket, its name derives too."""
    return Names(user_id, bucket or f"user-{user_id}-bucket".lower().replace("_", "-"))
