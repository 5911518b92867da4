"""The settings of Dagster instances: the local one, and the one on AWS with logs of steps in S3."""

import uuid
from pathlib import Path

import boto3
import dagster as dg
import pytest
import yaml
from dagster_aws.s3 import S3ComputeLogManager

from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.settings import Settings

FOLDER = Path(__file__).parents[1] / "pinterest_platform"


def test_the_settings_on_aws_are_the_local_ones_and_logs_in_s3() -> None:
    local, aws = (yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in ("dagster.yaml", "dagster-aws.yaml"))
    assert aws == {**local, "compute_logs": aws["compute_logs"]}


def test_the_log_of_a_step_is_in_the_bucket(tenant: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = f"logs-{uuid.uuid4().hex[:12]}"
    ensure_bucket(tenant.model_copy(update={"bucket": bucket}))
    monkeypatch.setenv("PINTEREST_BUCKET", bucket)
    monkeypatch.setenv("AWS_REGION", tenant.region)
    (tmp_path / "dagster.yaml").write_text((FOLDER / "dagster-aws.yaml").read_text("utf-8"))

    @dg.op
    def speaks() -> None:
        print("hello from the step")

    @dg.job
    def job() -> None:
        speaks()

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        manager = instance.compute_log_manager
        assert isinstance(manager, S3ComputeLogManager)
        result = job.execute_in_process(instance=instance)
        assert result.success
    objects = _objects(tenant, bucket)
    assert any(key.startswith("dagster/") and b"hello from the step" in body for key, body in objects.items())


def _objects(settings: Settings, bucket: str) -> dict[str, bytes]:
    """Return the objects of a bucket, by key."""
    client = boto3.client("s3", endpoint_url=settings.s3_endpoint, region_name=settings.region)
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
