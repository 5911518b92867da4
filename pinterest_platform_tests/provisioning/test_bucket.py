"""The bucket is created once."""

import socket
import uuid

import pytest

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.provisioning import AwsProvisioner
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.settings import Settings


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_missing_bucket_is_created_and_an_existing_one_is_kept(tenant: Settings, region: str):
    settings = tenant.model_copy(update={"bucket": f"b{uuid.uuid4().hex[:12]}", "region": region})
    assert ensure_bucket(settings) == [f"bucket {settings.names.bucket}: created"]
    S3ObjectStore(settings).put("k", b"kept")
    assert ensure_bucket(settings) == []
    assert S3ObjectStore(settings).read("k") == b"kept"


@pytest.mark.timeout(60)
def test_a_server_that_does_not_answer_is_named(tenant: Settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        silent = tenant.model_copy(update={"s3_endpoint": address, "io_timeout_seconds": 1.0})
        with pytest.raises(TransientFailure, match=address):
            AwsProvisioner(silent).apply()


def test_an_invalid_address_is_permanent(tenant: Settings):
    with pytest.raises(PermanentFailure, match="AWS_ENDPOINT_URL"):
        AwsProvisioner(tenant.model_copy(update={"s3_endpoint": "no address"})).apply()
