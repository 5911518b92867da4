"""A tenant of the running emulators, as a data engineer uses it: post, run a job, read the tables."""

import json
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
from confluent_kafka import Producer
from deltalake import DeltaTable

from pinterest_platform.catalog import ENTITIES, GEO, PIN, REPORT_KEYS, USER, Entity
from pinterest_platform.definitions import defs
from pinterest_platform.defs.operations.jobs import AUDIT
from pinterest_platform.settings import Settings, load
from pinterest_platform_tests.oracle import Oracle

PROJECT = Path(__file__).resolve().parents[2]
REAL = PROJECT.parent / "shared" / "data" / "real"
MICROSECOND = 1_000_000

Posts = Mapping[Entity, Sequence[Mapping[str, Any]]]


class Tenant:
    """One user id with its own topics and bucket."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.names = settings.names

    def reload(self) -> None:
        """Read the environment again."""
        self.settings = load()

    # -- posting

    def produce(self, entity: Entity, values: Iterable[bytes | Mapping[str, Any]]) -> None:
        """Put records on the entity's topic, keyed by index unless they are bytes."""
        producer = Producer(
            {"bootstrap.servers": self.settings.kafka_bootstrap_servers, "message.max.bytes": 5_000_000}
        )
        failed: list[str] = []
        for value in values:
            body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
            key = None if isinstance(value, bytes) else str(value.get(entity.key_field)).encode()
            producer.produce(
                self.names.topic(entity),
                body,
                key,
                on_delivery=lambda error, _: failed.append(str(error)) if error else None,
            )
            producer.poll(0)
        assert producer.flush(60) == 0
        assert not failed, failed[0]

    def produce_all(self, posts: Posts, seed: int | None = None) -> None:
        """Put complete posts on the three topics, shuffled if a seed is given."""
        for entity, values in posts.items():
            order = list(values)
            if seed is not None:
                random.Random(seed).shuffle(order)
            self.produce(entity, order)

    # -- running

    def run(self, job: str = "batch_pipeline", config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        """Run a job in this process, on a new instance."""
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def(job).execute_in_process(
                instance=instance, run_config=dict(config or {}), raise_on_error=False
            )

    def materialize(self, key: str, config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        """Materialize one asset with its checks, but for those of the audit, in this process on a new instance."""
        job = dg.define_asset_job("one_asset", dg.AssetSelection.assets(dg.AssetKey(key.split("/"))) - AUDIT)
        definitions = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        with dg.DagsterInstance.ephemeral() as instance:
            return definitions.resolve_job_def(job.name).execute_in_process(
                instance=instance, run_config=dict(config or {}), raise_on_error=False
            )

    def run_well(
        self, job: str = "batch_pipeline", config: Mapping[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run a job that must succeed."""
        result = self.run(job, config)
        assert result.success, failures(result)
        return result

    # -- reading, without the platform's own code

    def objects(self, prefix: str = "") -> dict[str, str]:
        """Return key to entity tag of all objects under a prefix of the bucket."""
        pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=self.names.bucket, Prefix=prefix)
        return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", [])}

    def body(self, key: str) -> bytes:
        return self._s3().get_object(Bucket=self.names.bucket, Key=key)["Body"].read()

    def raw_lines(self, entity: Entity) -> list[bytes]:
        """Return every landed line of an entity."""
        topic = self.names.topic(entity)
        keys = [*self.objects(f"topics/{topic}/"), *self.objects(f"adopted/{topic}/")]
        return [line for key in keys for line in self.body(key).split(b"\n") if line]

    def cleaned(self, entity: Entity) -> list[tuple[Any, ...]]:
        """Return a cleaned table as the oracle does: business columns, then (partition, offset, arrival), by key."""
        rows = DeltaTable(self.names.cleaned_uri(entity)).to_pyarrow_table().to_pylist()
        return sorted(
            (
                (
                    *(_micros(value) for name, value in row.items() if name != "_source"),
                    row["_source"]["partition"],
                    row["_source"]["offset"],
                    _micros(row["_source"]["arrived_at"]),
                )
                for row in rows
            ),
            key=lambda row: row[0],
        )

    def business(self, entity: Entity) -> list[tuple[Any, ...]]:
        """Return the business columns of a cleaned table, by key."""
        return business_rows(self.names.cleaned_uri(entity))

    def report(self, key: str) -> list[tuple[Any, ...]]:
        rows = DeltaTable(self.names.report_uri(key)).to_pyarrow_table().to_pylist()
        return [tuple(row.values()) for row in rows]

    def versions(self) -> dict[str, int]:
        """Return the version of every Delta table of the pipeline."""
        uris = [self.names.cleaned_uri(entity) for entity in ENTITIES] + [
            self.names.report_uri(key) for key in REPORT_KEYS
        ]
        return {uri: DeltaTable(uri).version() for uri in uris}

    def assert_agrees_with_the_oracle(self) -> Oracle:
        """Compare every cell of the tables and the reports."""
        oracle = Oracle({entity.name: self.raw_lines(entity) for entity in ENTITIES})
        for entity in ENTITIES:
            # A row whose values were posted again keeps its first source: only the values must agree.
            expected = [row[:-3] for row in oracle.cleaned(entity.name)]
            assert self.business(entity) == expected, entity
        for key in REPORT_KEYS:
            assert self.report(key) == oracle.report(key), key
        return oracle

    def _s3(self) -> Any:
        return boto3.client("s3", endpoint_url=self.settings.s3_endpoint, region_name=self.settings.region)


def failures(result: dg.ExecuteInProcessResult) -> str:
    """Return the errors of a run's failed steps."""
    errors = [
        event.step_failure_data.error_display_string
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data
    ]
    return "\n".join(errors)


def is_transient(result: dg.ExecuteInProcessResult) -> bool:
    """Return whether a run failed with transient failures only."""
    causes = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    return bool(causes) and all(cause and cause.metadata["kind"].value == "transient" for cause in causes)


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    """Return `layer/asset:check` of every check that did not pass."""
    return {
        f"{check.asset_key.to_user_string()}:{check.check_name}"
        for check in result.get_asset_check_evaluations()
        if not check.passed
    }


def real_posts() -> Posts:
    """Return the real records; they are not in the repository."""
    return {
        entity: [json.loads(line) for line in (REAL / f"{entity.name}.jsonl").read_text("utf-8").splitlines()]
        for entity in ENTITIES
    }


def generated_posts(folder: Path, rows: int, seed: int = 1) -> Posts:
    """Return posts of the emulators' own generator, read back from its database."""
    import sqlite3

    path = folder / "source.db"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "emulators",
            "seed",
            "--rows",
            str(rows),
            "--seed",
            str(seed),
            "--database",
            f"sqlite:///{path}",
        ],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    tables = {PIN: "pinterest_data", GEO: "geolocation_data", USER: "user_data"}
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        return {
            entity: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for entity, name in tables.items()
        }


def business_rows(uri: str) -> list[tuple[Any, ...]]:
    """Return the business columns of any route's cleaned table, by key, as the oracle does."""
    rows = DeltaTable(uri).to_pyarrow_table().to_pylist()
    columns = (tuple(_micros(value) for name, value in row.items() if name != "_source") for row in rows)
    return sorted(columns, key=lambda row: row[0])


def _micros(value: Any) -> Any:
    return round(value.timestamp() * MICROSECOND) if isinstance(value, datetime) else value


def ledger_problems(result: dg.ExecuteInProcessResult) -> dict[str, list[str]]:
    """Return the problems by check of the ledger, of those checks that have some."""
    evaluations = {
        check.check_name: str(check.metadata["problems"].value).splitlines()
        for check in result.get_asset_check_evaluations()
        if check.asset_key == dg.AssetKey(["ledger", "conservation"])
    }
    assert len(evaluations) == 6
    return {name: problems for name, problems in evaluations.items() if problems != ["none"]}
