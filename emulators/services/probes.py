"""Health probes over HTTP."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from emulators.services.service import Unhealthy

_SECONDS = 5
# Services on this machine are not reached through the environment's proxies.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def expect_http(url: str, contains: bytes, headers: Mapping[str, str] | None = None) -> None:
    """Send a GET request.

    Raises:
        Unhealthy: no response, a status other than 200, or a body without `contains`.
    """
    try:
        with _OPENER.open(urllib.request.Request(url, headers=dict(headers or {})), timeout=_SECONDS) as response:  # noqa: S310
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError as error:
        raise Unhealthy(f"no response on {url} ({getattr(error, 'reason', error)})") from None
    if status != HTTPStatus.OK or contains not in body:
        raise Unhealthy(f"{url} responds with {status} {body[:200].decode(errors='replace')}")


def expect_own_server(url: str, data: Path) -> None:
    """Check that one of our own servers serves this data: another home's may listen on the same port.

    Raises:
        Unhealthy: no response, or a response that names another folder.
    """
    expect_http(f"{url}/_health", contains=json.dumps(str(data), ensure_ascii=False).encode())
