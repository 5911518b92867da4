"""Shard iterators and page tokens: positions that clients carry but cannot alter."""

import base64
import binascii
import hmac
from hashlib import blake2b
from typing import Any

import orjson

_SEAL_BYTES = 16


class Sealer:
    """A sealer of small JSON values.

    Args:
        secret: the key, which also opens tokens after a restart.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, purpose: str, content: list[Any]) -> str:
        """Return a token that holds the content and opens only for this purpose."""
        body = orjson.dumps(content)
        return base64.b64encode(self._seal(purpose, body) + body).decode()

    def open(self, purpose: str, token: str) -> list[Any] | None:
        """Return the content of a token; None if this server did not create it for this purpose."""
        try:
            sealed = base64.b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            return None
        seal, body = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        return orjson.loads(body) if hmac.compare_digest(seal, self._seal(purpose, body)) else None

    def _seal(self, purpose: str, body: bytes) -> bytes:
        return blake2b(purpose.encode() + b"\0" + body, key=self._secret, digest_size=_SEAL_BYTES).digest()
