"""The resources of an asset test, in memory."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.failures import PermanentFailure, PlatformFailure
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import Json, MaintenanceResult, RowVersion, TableFacts
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import VerifyResult
from pinterest_platform_tests.fakes import FakeObjectStore, FakeShardLog, FakeTopicLog

TOPIC, STREAM = "u.user", "streaming-u-user"


def logged_evaluations(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetCheckEvaluation]:
    """Return the evaluations of a run; the result of a run in process lacks those of steps that failed."""
    logged = instance.all_logs(run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [entry.asset_check_evaluation for entry in logged if entry.asset_check_evaluation]


class FakeLake:
    """Delta tables with the content that a test sets, by address."""

    def __init__(self) -> None:
        self.tables: dict[str, TableFacts] = {}
        self.table_positions: dict[str, dict[str, int]] = {}
        self.content: dict[str, list[dict[str, Any]]] = {}
        self.history: dict[str, list[RowVersion]] = {}
        self.older_content: dict[str, dict[int, list[dict[str, Any]]]] = {}
        self.maintenance: dict[str, MaintenanceResult | Exception] = {}
        self.maintained: list[tuple[str, int, bool]] = []
        self.compacted: list[str] = []
        self.small_files: int | None = 0
        self.position_reads = 0
        self.unreadable: dict[str, PlatformFailure] = {}

    def positions(self, uri: str) -> Mapping[str, int] | None:
        self.position_reads += 1
        if uri in self.unreadable:
            raise self.unreadable[uri]
        return self.table_positions.get(uri)

    def facts(self, uri: str) -> TableFacts | None:
        return self.tables.get(uri)

    def rows(self, uri: str, limit: int | None = None, version: int | None = None) -> list[dict[str, Any]]:
        if uri not in self.content:
            raise PermanentFailure(f"There is no Delta table at {uri}.", "Create it.")
        if version is None:
            return self.content[uri][:limit]
        if version not in self.older_content.get(uri, {}):
            raise PermanentFailure(f"The files of version {version} of {uri} are missing.", "Read a newer one.")
        return self.older_content[uri][version][:limit]

    def row_versions(self, uri: str, limit: int) -> Sequence[RowVersion]:
        return self.history.get(uri, [])[:limit]

    def count_by(self, uri: str, column: str) -> Mapping[str, int]:
        return Counter(row[column] for row in self.content[uri])

    def compact(self, uri: str) -> int | None:
        self.compacted.append(uri)
        return self.small_files

    def maintain(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        return self._maintained((uri, retention_hours, False))

    def preview_maintenance(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        return self._maintained((uri, retention_hours, True))

    def _maintained(self, call: tuple[str, int, bool]) -> MaintenanceResult | None:
        uri, *_ = call
        self.maintained.append(call)
        result = self.maintenance.get(uri)
        if isinstance(result, Exception):
            raise result
        return result


class FakeEngine:
    """An engine that answers each job with a function of the test, and records its calls."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Json], Json]] = {}
        self.calls: list[tuple[str, Json]] = []

    def run(self, job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
        self.calls.append((job, parameters))
        if job not in self.answers:
            raise PermanentFailure(f"The fake engine has no answer to {job}.", "Set one.")
        return self.answers[job](parameters)


class Surroundings:
    """Everything outside the code under test; `resources` holds it by resource name."""

    def __init__(self) -> None:
        self._home = TemporaryDirectory()
        self.settings = Settings.model_validate(
            {"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1", "PINTEREST_USER_ID": "u", "PINTEREST_HOME": self._home.name}
        )
        self.topics = FakeTopicLog()
        self.shards = FakeShardLog()
        self.objects = self.time_limited_objects = FakeObjectStore()
        self.lake = FakeLake()
        self.engine = FakeEngine()
        self.engine.answers["verify"] = self.sound
        for entity in ENTITIES:
            self.topics.create(f"u.{entity.name}", partitions=3)
            self.shards.create(f"streaming-u-{entity.name}")

    def sound(self, parameters: Json, **findings: int) -> Json:
        """Answer an inspection of a table: it is sound but for these findings."""
        facts = self.lake.tables[parameters["table_uri"]]
        sound = VerifyResult(0, 0, facts.rows, 0, 0, 0, 0, 0, [], [], (), facts.version, facts.table_id)
        return replace(sound, **findings).to_json()

    @property
    def lakehouse(self) -> Lakehouse:
        return Lakehouse(self.settings, self.objects, self.lake, self.engine)

    @property
    def resources(self) -> dict[str, Any]:
        names = ("settings", "topics", "shards", "objects", "lake", "engine", "lakehouse")
        return {name: getattr(self, name) for name in names}
