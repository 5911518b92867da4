"""A chain of landed objects and its ledger, on both routes."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.audit_schedule import AuditSchedule
from pinterest_platform.testing import FakeObjectStore, FakeShardLog, FakeTopicLog

DAYS = 3

DAY_MS = 24 * 3_600_000

TOPIC, STREAM = "u.pin", "streaming-u-pin"


@dataclass
class Chain:
    """A partition or shard, and its ledger."""

    prefix: str = ""
    log: Any = None
    store: FakeObjectStore = field(default_factory=FakeObjectStore)

    def land(self, *values: bytes) -> None:
        """Land one object for each value."""
        raise NotImplementedError

    def account(self, store: Any, schedule: AuditSchedule | None) -> Any:
        """Return the ledger of the chain."""
        raise NotImplementedError

    def ledger(self, store: Any = None, **changes: Any) -> Any:
        """Return the ledger at the bucket's time."""
        return self.account(store or self.store, replace(AuditSchedule(DAYS, self.store.clock_ms), **changes))

    def age(self, days: float = 2.1) -> None:
        self.store.clock_ms += round(days * DAY_MS)

    @property
    def keys(self) -> list[str]:
        return [stored.key for stored in self.store.list(self.prefix)]

    @property
    def checkpoints(self) -> list[str]:
        return [stored.key for stored in self.store.list("checkpoints/")]

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return json.loads(self.store.objects[self.checkpoints[-1]].body)["blocks"]

    def without_checkpoints(self) -> FakeObjectStore:
        """Return a copy of the bucket that has no checkpoint."""
        copy = FakeObjectStore()
        copy.clock_ms = self.store.clock_ms
        copy.objects = {key: stored for key, stored in self.store.objects.items() if not key.startswith("checkpoints/")}
        return copy

    def change(self, key: str, body: bytes | None = None, **metadata: str) -> None:
        """Replace an object in place, keeping what is not given."""
        whole = self.store.objects[key]
        self.store.put(key, whole.body if body is None else body, whole.metadata | metadata)


class Partition(Chain):
    """A Kafka partition."""

    def __init__(self) -> None:
        super().__init__(f"topics/{TOPIC}/")
        self.log = FakeTopicLog()
        self.log.create(TOPIC)

    def land(self, *values: bytes) -> None:
        self.log.append(TOPIC, 0, *values)
        kafka.land_topic(self.log, self.store, TOPIC, kafka.TopicOptions(object_bytes=1))

    def account(self, store: Any, schedule: AuditSchedule | None) -> kafka.PartitionLedger:
        [ledger] = kafka.reconcile(self.log, store, TOPIC, schedule)
        return ledger


class Shard(Chain):
    """A Kinesis shard."""

    def __init__(self) -> None:
        super().__init__(f"streams/{STREAM}/")
        self.log = FakeShardLog()
        self.log.create(STREAM)

    def land(self, *values: bytes) -> None:
        self.log.put(STREAM, 0, *values)
        kinesis.land_stream(self.log, self.store, STREAM, kinesis.StreamOptions(object_bytes=1))

    def account(self, store: Any, schedule: AuditSchedule | None) -> kinesis.ShardLedger:
        [ledger] = kinesis.reconcile(None, store, STREAM, schedule)
        return ledger


def figures(ledger: Any) -> dict[str, Any]:
    """Return a ledger without what depends on the objects that were read."""
    own = {"read", "unread", "unread_from", "from_checkpoint", "confirmed_gaps", "unconfirmed"}
    return {name: getattr(ledger, name) for name in type(ledger).__slots__ if name not in own}


def calls(chain: Chain, name: str) -> int:
    return sum(call[0] == name for call in chain.store.calls)
