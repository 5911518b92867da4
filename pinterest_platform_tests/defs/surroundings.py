"""The resources of an asset test: everything outside in memory."""

from collections.abc import Callable, Mapping
from typing import Any

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Json, MaintenanceResult, TableFacts
from pinterest_platform.settings import Settings
from pinterest_platform_tests.fakes import FakeObjectStore, FakeShardLog, FakeTopicLog

TOPIC, STREAM = "u.user", "streaming-u-user"


class FakeLake:
    """Delta logs, as a test sets them."""

    def __init__(self) -> None:
        self.tables: dict[str, TableFacts] = {}
        self.taken: dict[str, dict[str, int]] = {}
        self.content: dict[str, list[dict[str, Any]]] = {}
        self.upkeep: dict[str, MaintenanceResult | Exception] = {}
        self.kept_up: list[tuple[str, int, bool]] = []
        self.compacted: list[str] = []
        self.small_files: int | None = 0
        self.asked_for_positions = 0

    def positions(self, uri: str) -> Mapping[str, int] | None:
        self.asked_for_positions += 1
        return self.taken.get(uri)

    def facts(self, uri: str) -> TableFacts | None:
        return self.tables.get(uri)

    def rows(self, uri: str, limit: int | None = None) -> list[dict[str, Any]]:
        return self.content[uri][:limit]

    def compact(self, uri: str) -> int | None:
        self.compacted.append(uri)
        return self.small_files

    def maintain(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        return self._maintained(uri, (uri, retention_hours, False))

    def preview_maintenance(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        return self._maintained(uri, (uri, retention_hours, True))

    def _maintained(self, uri: str, call: tuple[str, int, bool]) -> MaintenanceResult | None:
        self.kept_up.append(call)
        found = self.upkeep.get(uri)
        if isinstance(found, Exception):
            raise found
        return found


class FakeEngine:
    """An engine that answers each job as a test told it to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Json], Json]] = {}
        self.asked: list[tuple[str, Json]] = []

    def run(self, job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
        self.asked.append((job, parameters))
        if job not in self.answers:
            raise PermanentFailure(f"The fake engine has no answer to {job}.", "Give it one.")
        return self.answers[job](parameters)


class Surroundings:
    """Everything that assets ask for, by name in `resources`."""

    def __init__(self) -> None:
        self.settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1", "PINTEREST_USER_ID": "u"})
        self.topics = FakeTopicLog()
        self.shards = FakeShardLog()
        self.objects = FakeObjectStore()
        self.lake = FakeLake()
        self.engine = FakeEngine()
        for entity in ("pin", "geo", "user"):
            self.topics.create(f"u.{entity}", partitions=3)
            self.shards.create(f"streaming-u-{entity}")

    @property
    def resources(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("settings", "topics", "shards", "objects", "lake", "engine")}
