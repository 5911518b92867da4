"""The stream that tests land on fakes, and its values."""

import json

from pinterest_platform.landing.kinesis.ledger import audit
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.testing import FakeObjectStore, FakeShardLog

STREAM = "streaming-u-pin"

ONE = StreamOptions(shards_at_once=1)


def rows(count: int, size: int = 0) -> list[bytes]:
    return [json.dumps({"index": number, "pad": "x" * size}).encode() for number in range(count)]


def is_complete(log: FakeShardLog | None, store: FakeObjectStore) -> bool:
    return all(ledger.is_complete for ledger in audit(log, store, STREAM))
