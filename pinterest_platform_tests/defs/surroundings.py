"""The resources of an asset test, in memory."""

import asyncio
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
from dagster._core.loader import LoadingContextForTest

from pinterest_platform.catalog import REPORTED_ENTITIES, REPORTS
from pinterest_platform.pipelines.health import Services
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import Json, TableFacts
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import ReportOutcome, ReportsResult, SourceFacts, VerifyResult
from pinterest_platform.testing import (
    FakeEngine,
    FakeLake,
    FakeObjectStore,
    FakeProvisioner,
    FakeShardLog,
    FakeTopicLog,
    FakeTopicTimes,
)

TOPIC, STREAM = "u.user", "streaming-u-user"


def check_status(instance: dg.DagsterInstance, key: dg.AssetKey, check: str) -> str:
    """Return the status of the last execution of a check, as the UI resolves it."""
    [record] = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(key, check), limit=1)
    return asyncio.run(record.resolve_status(LoadingContextForTest(instance))).value


class Surroundings:
    """Everything outside the code under test; `resources` holds it by resource name."""

    def __init__(self) -> None:
        self._home = TemporaryDirectory()
        self.settings = Settings.model_validate(
            {
                "KAFKA_BOOTSTRAP_SERVERS": "nowhere:1",
                "PINTEREST_USER_ID": "u",
                "PINTEREST_HOME": self._home.name,
                "PINTEREST_DRAIN_FILL_SECONDS": 0,
            }
        )
        self.topics = FakeTopicLog()
        self.times = FakeTopicTimes(self.topics)
        self.shards = FakeShardLog()
        self.objects = self.time_limited_objects = FakeObjectStore()
        self.lake = FakeLake()
        self.engine = FakeEngine()
        self.engine.responses["verify"] = self.sound
        self.provisioner = FakeProvisioner(self.settings.names, self.topics, self.shards)
        self.provisioner.apply()

    def sound(self, parameters: Json, **findings: int) -> Json:
        """Respond to an inspection of a table: it is sound but for these findings."""
        facts = self.lake.tables[parameters["table_uri"]]
        sound = VerifyResult(0, 0, facts.rows, 0, 0, 0, 0, 0, [], [], (), facts.version, facts.rows_id)
        return replace(sound, **findings).to_json()

    def fill_lake(self) -> None:
        """Add sound cleaned tables, report tables without rows, and an engine that computes such reports."""
        for entity in REPORTED_ENTITIES:
            uri = self.settings.names.cleaned_uri(entity)
            self.lake.tables[uri] = TableFacts(uri, 7, 8, (("ind", "bigint"),), "id")
        for report in REPORTS:
            uri = self.settings.names.report_uri(report.key)
            self.lake.tables[uri] = TableFacts(uri, 2, 0, tuple(report.column_types))
            self.lake.content[uri] = []

        def compute(parameters: Json) -> Json:
            sources = {name: SourceFacts(7, 8, None, None, None, None) for name in parameters["cleaned"]}
            outcomes = {key: ReportOutcome(0, True, 2, {}) for key in parameters["reports"]}
            return ReportsResult(outcomes, sources).to_json()

        self.engine.responses["reports"] = compute

    @property
    def lakehouse(self) -> Lakehouse:
        return Lakehouse(self.settings, self.objects, self.lake, self.engine)

    @property
    def services(self) -> Services:
        return Services(self.settings, self.topics, self.times, self.shards, self.objects, self.lake)

    @property
    def resources(self) -> dict[str, Any]:
        names = ("settings", "topics", "times", "shards", "objects", "lake", "engine", "lakehouse", "services")
        return {name: getattr(self, name) for name in names}
