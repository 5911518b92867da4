"""Telling people of an alert: in the log, or by a webhook; what tells them is chosen by a setting."""

import json
import logging
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import Alert

_LOG = logging.getLogger("pinterest_platform.alerts")


def as_text(alert: Alert) -> str:
    """An alert as people read it: what, when, where, why, and what to do."""
    head = f"{alert.job} of {alert.day} failed for good after attempt {alert.attempts}: {alert.reason}."
    told = [f"{cause.asset}: {cause.what} {cause.action}" for cause in alert.causes]
    return "\n".join([head, *told, f"Run {alert.run_id}: {alert.link}"])


def as_json(alert: Alert) -> dict[str, Any]:
    """An alert as programs read it; chat systems' incoming webhooks show its `text`."""
    return {
        "text": as_text(alert),
        "key": alert.key,
        "job": alert.job,
        "date": alert.day.isoformat(),
        "attempts": alert.attempts,
        "reason": alert.reason,
        "run_id": alert.run_id,
        "run_url": alert.link,
        "causes": [{"asset": cause.asset, "cause": cause.what, "next_step": cause.action} for cause in alert.causes],
    }


class LogNotifier:
    """Writes alerts to the log `pinterest_platform.alerts`, as errors."""

    def notify(self, alert: Alert) -> None:
        """Log an alert."""
        _LOG.error("%s", as_text(alert))


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body: it is an error instead."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Follow nothing."""


class WebhookNotifier:
    """Posts alerts as JSON.

    Args:
        url: where to; it is a secret, as whoever knows it can post.
        timeout: seconds within which it has to answer.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._open = build_opener(_NoRedirect).open

    def notify(self, alert: Alert) -> None:
        """Post an alert.

        Raises:
            TransientFailure: it was not taken; the message does not tell the address.
        """
        body = json.dumps(as_json(alert)).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": alert.key}
        request = Request(self._url, body, headers)  # noqa: S310  the settings allow http and https alone
        try:
            with self._open(request, timeout=self._timeout):
                return
        except HTTPError as error:
            problem = f"answered {error.code}"
            error.close()
        except (OSError, HTTPException) as error:
            problem = f"did not answer ({type(error).__name__})"
        raise TransientFailure(
            f"The webhook for alerts {problem}: nobody was told that {alert.job} of {alert.day} failed.",
            "It is tried again, later and later; see that PINTEREST_ALERT_WEBHOOK is right and its server up.",
        )
