"""The time limit of all calls of a command together."""

import time

import pytest

from pinterest_platform.adapters.time_limited_reader import TimeLimitedReader
from pinterest_platform.failures import TransientFailure
from pinterest_platform_tests.adapters.test_s3 import responding, settings_at
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

# A listing that always has another page.
PAGE = (
    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    "<Contents><Key>topics/u.pin/partition=0/x</Key><Size>1</Size>"
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "x")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_calls_that_are_each_answered_in_time_end_together_within_the_setting(pause: float) -> None:
    with responding(200, PAGE, pause) as address:
        settings = settings_at(address).model_copy(update={"io_timeout_seconds": 4.0})
        store = TimeLimitedReader(settings)
        started = time.monotonic()
        with pytest.raises(TransientFailure) as failure:
            quarantined_of_topic(store, "u.pin")
    assert time.monotonic() - started < 12
    assert failure.value.what == f"S3 at {address} is too slow: its objects cannot be read within 4 s."
