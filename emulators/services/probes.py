"""Asking a service over HTTP whether it serves."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from emulators.services.service import Unhealthy

_SECONDS = 5
# Proxies of the environment are not for services on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def expect_http(url: str, contains: bytes, headers: Mapping[str, str] | None = None) -> None:
    """GET an address.

    Raises:
        Unhealthy: no answer, none with status 200, or a body that lacks `contains`.
    """
    try:
        with _OPENER.open(urllib.request.Request(url, headers=dict(headers or {})), timeout=_SECONDS) as answer:  # noqa: S310
            found, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        found, body = error.code, error.read()
    except OSError as error:
        raise Unhealthy(f"no answer on {url} ({getattr(error, 'reason', error)})") from None
    if found != HTTPStatus.OK or contains not in body:
        raise Unhealthy(f"{url} answers {found} {body[:200].decode(errors='replace')}")


def expect_own_server(url: str, data: Path) -> None:
    """Ask one of our own servers whether it serves this data: another home's may listen on the same port.

    Raises:
        Unhealthy: no answer, or one that names another folder.
    """
    expect_http(f"{url}/_health", contains=json.dumps(str(data), ensure_ascii=False).encode())
