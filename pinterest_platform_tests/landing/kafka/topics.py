"""The topic that tests land on fakes, and its values."""

import json

from pinterest_platform.landing.kafka.ledger import audit
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog

TOPIC = "u.pin"


def rows(count: int, size: int = 0) -> list[bytes]:
    return [json.dumps({"index": number, "pad": "x" * size}).encode() for number in range(count)]


def keys(store: FakeObjectStore, prefix: str = "topics/") -> list[str]:
    return [stored.key.rsplit("/", 1)[1] for stored in store.list(prefix)]


def is_complete(log: FakeTopicLog | None, store: FakeObjectStore) -> bool:
    return all(ledger.is_complete for ledger in audit(log, store, TOPIC))
