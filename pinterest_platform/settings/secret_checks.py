"""Checks of secrets that the environment or AWS Secrets Manager holds."""

import json
import re
from urllib.parse import urlsplit


def _require_web_address(text: str) -> None:
    try:
        parts = urlsplit(text)
        # An HTTP client would refuse each of these, but only at the first alert.
        valid = bool((parts.hostname or "").encode("idna")) and parts.port != 0 and parts.username is None
    except ValueError:
        valid = False
    if not valid or re.fullmatch(r"https?://[!-~]+", text) is None:
        raise ValueError("it must be an address with a host that begins with https:// or http://, without blanks")


def _require_one_word(text: str) -> None:
    # An HTTP client would refuse it as a header with an error that shows it.
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("it has blanks, line ends or letters that no token has")


def _require_json_object(text: str) -> None:
    try:
        cluster = json.loads(text)
    except ValueError:
        cluster = None
    if not isinstance(cluster, dict):
        raise ValueError("it must be a JSON object, the specification of a cluster") from None


SECRET_CHECKS = {
    "alert_webhook": _require_web_address,
    "databricks_token": _require_one_word,
    "databricks_new_cluster": _require_json_object,
}
"""By field, a function that raises ValueError if a text cannot be the secret; the error does not show it."""
