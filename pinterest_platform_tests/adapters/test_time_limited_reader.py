"""The time limit of all calls of a command together."""

import time
from typing import Any

import pytest

from pinterest_platform.adapters import s3
from pinterest_platform.adapters.time_limited_reader import TimeLimitedReader
from pinterest_platform.failures import TransientFailure
from pinterest_platform.settings import Settings
from pinterest_platform_tests.adapters.test_s3 import responding, settings_at
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

# A listing that always has another page.
PAGE = (
    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    "<Contents><Key>topics/u.pin/partition=0/x</Key><Size>1</Size>"
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
)
LAST_PAGE = PAGE.replace("true", "false")


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


@pytest.mark.timeout(60)
def test_only_the_time_of_calls_is_counted_and_not_that_of_a_slow_command(monkeypatch: pytest.MonkeyPatch) -> None:
    create = s3.s3_client

    def create_slowly(settings: Settings) -> Any:
        time.sleep(1.5)
        return create(settings)

    monkeypatch.setattr(s3, "s3_client", create_slowly)
    with responding(200, LAST_PAGE, tag='"tag"') as address:
        store = TimeLimitedReader(settings_at(address).model_copy(update={"io_timeout_seconds": 2.0}))
        for _ in range(3):
            assert len(list(store.list("topics/"))) == 1
            time.sleep(0.7)
        assert store.read("topics/x")
