"""The platform in a folder, for tests without services."""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pinterest_platform import engines
from pinterest_platform.catalog import KEY, Entity, Names, Route
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.pipelines.health import Services
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.maintenance import tables
from pinterest_platform.resources import PySparkResource
from pinterest_platform.settings import Settings
from pinterest_platform.testing.objects import FolderObjectStore, path_of
from pinterest_platform.testing.services import FakeNotifier, FakeProvisioner
from pinterest_platform.testing.shards import FakeShardLog
from pinterest_platform.testing.topics import FakeTopicLog, FakeTopicTimes

_READABLE_PATH = re.compile(r"[A-Za-z0-9/._+=-]+")
"""Paths of Delta tables that Sail finds again: it reads others as encoded URLs."""


@dataclass(frozen=True, slots=True)
class FolderNames(Names):
    """Names whose addresses are paths in a folder."""

    folder: str

    def uri(self, key: str) -> str:
        """Return the path of an object key."""
        return f"{self.folder}/{path_of(key)}"


class FolderSettings(Settings):
    """Settings that are given as arguments, by the names of their fields; the environment is not read."""

    model_config = SettingsConfigDict(extra="forbid")

    folder: str

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the arguments as the only source; pydantic passes every source as a parameter."""
        return (init_settings,)

    @property
    def names(self) -> Names:
        """All names that derive from the user id, with paths as addresses."""
        return FolderNames(self.user_id, "local", self.folder)


class LocalPlatform:
    """The platform in a folder: topics and streams in memory, objects and Delta tables as files, Spark in this process.

    The folder has the bucket in `bucket/`, and the copies of the page in `home/`. Landing, cleaning, reports, page,
    ledger and checks are the real ones. It is a context manager, which stops Spark.

    Attributes:
        settings: the settings; an idle drain ends at once, and no drain waits for objects to fill.
        topics: the Kafka topics of all entities.
        shards: the Kinesis streams of all entities, and the clock of both routes.
        objects: the bucket, also as files in `bucket/`.
        lake: the Delta tables.
        engine: the embedded Spark engine, which starts with its first job.
        provisioner: the creator of topics and streams.
        notifier: the receiver of alerts.
        instance: the Dagster instance that records all runs.

    Args:
        folder: an empty folder, such as pytest's `tmp_path`.
        settings: fields of `pinterest_platform.settings.Settings` with other values than their defaults.

    Raises:
        PermanentFailure: the folder is not empty, or Spark cannot use its path.
    """

    def __init__(self, folder: str | os.PathLike[str], **settings: Any) -> None:
        from pinterest_platform.delta.lake import DeltaLake

        root = Path(folder).resolve()
        if not _READABLE_PATH.fullmatch(str(root)):
            raise PermanentFailure(
                f"Spark cannot use the folder {str(root)!r}: its path has a blank or a special character.",
                "Use a folder whose path has letters, digits and ._+=- only.",
            )
        if root.exists() and any(root.iterdir()):
            raise PermanentFailure(f"The folder {root} is not empty.", "Use a new folder for each LocalPlatform.")
        defaults = {
            "user_id": "local",
            "home": str(root / "home"),
            "kafka_bootstrap_servers": "memory",
            "drain_idle_seconds": 0.0,
            "drain_fill_seconds": 0.0,
        }
        bucket = root / "bucket"
        self.settings = FolderSettings(**(defaults | settings), folder=str(bucket))
        self.topics, self.shards = FakeTopicLog(batch_records=1000), FakeShardLog(batch_records=1000)
        self.objects = FolderObjectStore(bucket)
        self.lake = DeltaLake(self.settings)
        self.engine = engines.build(self.settings)
        self.provisioner = FakeProvisioner(
            self.settings.names,
            self.topics,
            self.shards,
            self.settings.kafka_partitions,
            self.settings.kinesis_shards,
        )
        self.provisioner.apply()
        self.notifier = FakeNotifier()
        self.instance = dg.DagsterInstance.ephemeral()

    def __enter__(self) -> "LocalPlatform":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop Spark and the Dagster instance."""
        self.engine.close()
        self.instance.dispose()

    @property
    def resources(self) -> dict[str, Any]:
        """The Dagster resources by name, for `dg.materialize`, jobs and sensors."""
        times = FakeTopicTimes(self.topics)
        return {
            "settings": self.settings,
            "alerting": self.settings,
            "topics": self.topics,
            "times": times,
            "shards": self.shards,
            "objects": self.objects,
            "lake": self.lake,
            "engine": self.engine,
            "lakehouse": Lakehouse(self.settings, self.objects, self.lake, self.engine),
            "services": Services(self.settings, self.topics, times, self.shards, self.objects, self.lake),
            "pyspark": PySparkResource(settings=self.settings),
            "provisioner": self.provisioner,
            "notifier": self.notifier,
        }

    def post(self, entity: Entity, values: Iterable[Mapping[str, Any] | bytes], route: Route = Route.KAFKA) -> None:
        """Append records to the topic or stream of an entity, to its partitions or open shards in turn.

        Each record is one millisecond newer than the previous one.

        Args:
            entity: whose topic or stream.
            values: rows, which become JSON with times as ISO text, or bytes, which may be invalid.
            route: the route.
        """
        for value in values:
            self.shards.now_ms += 1
            content = value if isinstance(value, bytes) else json.dumps(value, default=datetime.isoformat).encode()
            if route is Route.KAFKA:
                self._append(self.settings.names.topic(entity), content)
            else:
                self._put(self.settings.names.stream(entity), content)

    def _append(self, topic: str, value: bytes) -> None:
        sizes = [len(partition.entries) for partition in self.topics.topics[topic].partitions]
        self.topics.append(topic, sizes.index(min(sizes)), value, timestamp_ms=self.shards.now_ms)

    def _put(self, stream: str, value: bytes) -> None:
        shard = min(self.shards.open_shards(stream), key=lambda number: len(self.shards.shard(stream, number).records))
        self.shards.put(stream, shard, value)

    def materialize(
        self, selection: str | Sequence[str] | dg.AssetSelection, *, raise_on_error: bool = True, **run_config: Any
    ) -> dg.ExecuteInProcessResult:
        """Materialize assets of `pinterest_platform.definitions`, and run their checks.

        Args:
            selection: asset keys, or a selection in Dagster's syntax, such as `+key:"cleaned/pin"`.
            raise_on_error: raise the failure of an asset, instead of returning a result without success.
            run_config: sections of the run config, such as `ops={"cleaned__pin": {"config": {"full_refresh": True}}}`.

        Raises:
            ValueError: the selection has no asset and no check.
        """
        from pinterest_platform.definitions import defs

        job = dg.define_asset_job("selected_assets", selection)
        graph = defs.resolve_asset_graph()
        if not (job.selection.resolve(graph) or job.selection.resolve_checks(graph)):
            raise ValueError(f"No asset or check is selected by {selection!r}: correct the key.")
        definitions = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        return self._execute(definitions, job.name, raise_on_error, run_config)

    def run(self, job: str, *, raise_on_error: bool = True, **run_config: Any) -> dg.ExecuteInProcessResult:
        """Run a job of `pinterest_platform.definitions` by name; see `materialize` for the other arguments."""
        from pinterest_platform.definitions import defs

        return self._execute(defs, job, raise_on_error, run_config)

    def _execute(
        self, definitions: dg.Definitions, job: str, raise_on_error: bool, run_config: Mapping[str, Any]
    ) -> dg.ExecuteInProcessResult:
        return definitions.resolve_job_def(job).execute_in_process(
            run_config, self.instance, raise_on_error=raise_on_error, resources=self.resources
        )

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a Delta table, cleaned ones by key.

        Args:
            name: an asset key such as `cleaned/pin` or `reports/users_joined_by_year`, or `quarantine/cleaned/pin`.

        Raises:
            PermanentFailure: there is no such table, or nothing was written to it yet.
        """
        addresses = tables(self.settings.names)
        if name not in addresses:
            raise PermanentFailure(f"There is no table {name}.", f"Name one of {', '.join(addresses)}.")
        rows = self.lake.rows(addresses[name])
        return sorted(rows, key=lambda row: row[KEY]) if rows and KEY in rows[0] else rows
