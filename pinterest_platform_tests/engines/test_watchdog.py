"""Responses that the watchdog accepts from the store."""

import ssl
import urllib.error
import urllib.request
from email.message import Message
from typing import Any

import pytest

from pinterest_platform.engines.watchdog import Watchdog

UNVERIFIED = urllib.error.URLError(ssl.SSLCertVerificationError("self-signed certificate in certificate chain"))
REFUSED = urllib.error.HTTPError("https://store", 403, "Forbidden", Message(), None)


@pytest.mark.parametrize(
    ("error", "responds"),
    [
        (UNVERIFIED, True),
        (REFUSED, True),
        (urllib.error.URLError(ConnectionRefusedError()), False),
        (urllib.error.URLError(ssl.SSLEOFError()), False),
        (TimeoutError(), False),
    ],
)
def test_a_certificate_of_an_unknown_authority_is_an_answer_and_a_failed_connection_is_none(
    error: Exception, responds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", fails)
    session: Any = None
    watchdog = Watchdog(session, 1, "https://store", 1)
    assert watchdog._responds(1) is responds  # pyright: ignore[reportPrivateUsage]
