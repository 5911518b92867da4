"""Notifiers: alerts go to the log or to a webhook."""

import json
import logging
from collections.abc import Callable
from functools import partial
from html import escape
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pinterest_platform.adapters.call_limit import within
from pinterest_platform.failures import PlatformFailure, TransientFailure
from pinterest_platform.ports import Alert

_LOG = logging.getLogger("pinterest_platform.alerts")


def as_text(alert: Alert) -> str:
    """Return an alert as text: the job, the day, the causes and what to do."""
    head = (
        alert.headline
        or f"{alert.job} of {alert.day} failed permanently after attempt {alert.attempts}: {alert.reason}."
    )
    causes = [f"{cause.asset}: {cause.what} {cause.action}" for cause in alert.causes]
    link = f"Run {alert.run_id}: {alert.link}" if alert.run_id else alert.link
    return "\n".join([head, *causes, link])


def as_json(alert: Alert) -> dict[str, Any]:
    """Return an alert as JSON; incoming webhooks of chat systems show its `text`, in which <…> would be markup."""
    return {
        "text": escape(as_text(alert), quote=False),
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
    """A notifier that writes alerts to the log `pinterest_platform.alerts`, as errors."""

    def notify(self, alert: Alert) -> None:
        """Log an alert; a process without a handler of logs, such as Dagster's code server, gets one."""
        if not _LOG.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
            _LOG.addHandler(handler)
        _LOG.error("%s", as_text(alert))


class _NoRedirect(HTTPRedirectHandler):
    """A handler that makes a redirect an error, because a redirected POST arrives as a GET without its body."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Follow no redirect; six parameters, because urllib passes them."""


class WebhookNotifier:
    """A notifier that posts alerts as JSON.

    Args:
        url: returns the address. It is a secret, because anyone who has it can post.
        timeout: the time limit of a post, in seconds.
    """

    def __init__(self, url: Callable[[], str], timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._open = build_opener(_NoRedirect).open

    def notify(self, alert: Alert) -> None:
        """Post an alert.

        Raises:
            TransientFailure: the address cannot be read, or the webhook did not accept the alert. The message does not
                show the address.
        """
        body = json.dumps(as_json(alert)).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": alert.key}
        consequence = f"the alert about {alert.job} of {alert.day} was not delivered"
        try:
            url = self._url()
        except PlatformFailure as failure:
            raise TransientFailure(f"{failure.what} Therefore, {consequence}.", failure.action) from None
        request = Request(url, body, headers)  # noqa: S310  the settings allow http and https only
        try:
            within(self._timeout, partial(self._post, request))
            return
        except HTTPError as error:
            problem = f"responded with {error.code}"
            error.close()
        except (OSError, HTTPException) as error:
            problem = f"did not respond ({type(error).__name__})"
        raise TransientFailure(
            f"The webhook for alerts {problem}: {consequence}.",
            "It is retried with exponential backoff. Check PINTEREST_ALERT_WEBHOOK and the server at that address.",
        )

    def _post(self, request: Request) -> None:
        with self._open(request, timeout=self._timeout):
            return
