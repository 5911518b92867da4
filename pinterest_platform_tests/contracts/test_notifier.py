"""The contract of Notifier, on the fake, the log and a webhook."""

from collections.abc import Iterator

import pytest

from pinterest_platform.adapters.notifiers import LogNotifier, WebhookNotifier
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import Notifier
from pinterest_platform.testing import FakeNotifier
from pinterest_platform_tests.adapters.test_notifiers import ALERT, webhook


@pytest.fixture(params=["fake", "log", "webhook"])
def notifier(request: pytest.FixtureRequest) -> Iterator[Notifier]:
    if request.param == "webhook":
        with webhook() as hook:
            yield WebhookNotifier(lambda: hook.url, 5)
    else:
        yield FakeNotifier() if request.param == "fake" else LogNotifier()


def test_an_alert_can_be_sent_twice(notifier: Notifier) -> None:
    notifier.notify(ALERT)
    notifier.notify(ALERT)


@pytest.mark.parametrize("kind", ["fake", "webhook"])
def test_an_alert_that_is_not_delivered_is_a_transient_failure(kind: str) -> None:
    fake = FakeNotifier()
    fake.down = True
    notifier: Notifier = fake if kind == "fake" else WebhookNotifier(lambda: "http://127.0.0.1:9/hook", 0.5)
    with pytest.raises(TransientFailure):
        notifier.notify(ALERT)
    assert fake.alerts == []
