"""A tenant of the running emulators, as its data engineer sees it: post, run a job, read the tables."""

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
        """Put records on the entity's topic, keyed by index where they have one."""
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
        """Put whole posts on the three topics, shuffled where a seed is given."""
        for entity, values in posts.items():
            order = list(values)
            if seed is not None:
                random.Random(seed).shuffle(order)
            self.produce(entity, order)

    # -- running

    def run(self, job: str = "batch_pipeline", config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        """Run a job in this process, on an instance of its own."""
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def(job).execute_in_process(
                instance=instance, run_config=dict(config or {}), raise_on_error=False
            )

    def run_well(
        self, job: str = "batch_pipeline", config: Mapping[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run a job that must succeed."""
        done = self.run(job, config)
        assert done.success, failures(done)
        return done

    # -- reading, past the platform's own code

    def objects(self, prefix: str = "") -> dict[str, str]:
        """Key to entity tag of everything below a prefix of the bucket."""
        pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=self.names.bucket, Prefix=prefix)
        return {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", [])}

    def body(self, key: str) -> bytes:
        return self._s3().get_object(Bucket=self.names.bucket, Key=key)["Body"].read()

    def raw_lines(self, entity: Entity) -> list[bytes]:
        """Every landed line of an entity."""
        topic = self.names.topic(entity)
        keys = [*self.objects(f"topics/{topic}/"), *self.objects(f"adopted/{topic}/")]
        return [line for key in keys for line in self.body(key).split(b"\n") if line]

    def cleaned(self, entity: Entity) -> list[tuple[Any, ...]]:
        """A cleaned table as the oracle gives it: business columns, then (partition, offset, arrival), by key."""
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
        """The business columns of a cleaned table, by key."""
        return business_rows(self.names.cleaned_uri(entity))

    def report(self, key: str) -> list[tuple[Any, ...]]:
        rows = DeltaTable(self.names.report_uri(key)).to_pyarrow_table().to_pylist()
        return [tuple(row.values()) for row in rows]

    def versions(self) -> dict[str, int]:
        """Version of every Delta table of the pipeline."""
        uris = [self.names.cleaned_uri(entity) for entity in ENTITIES] + [
            self.names.report_uri(key) for key in REPORT_KEYS
        ]
        return {uri: DeltaTable(uri).version() for uri in uris}

    def assert_agrees_with_the_oracle(self) -> Oracle:
        """Every cell of the three tables and the nine reports."""
        oracle = Oracle({entity.name: self.raw_lines(entity) for entity in ENTITIES})
        for entity in ENTITIES:
            # A row whose values were posted again keeps the source that first said so: values alone must agree.
            expected = [row[:-3] for row in oracle.cleaned(entity.name)]
            assert self.business(entity) == expected, entity
        for key in REPORT_KEYS:
            assert self.report(key) == oracle.report(key), key
        return oracle

    def _s3(self) -> Any:
        return boto3.client("s3", endpoint_url=self.settings.s3_endpoint, region_name=self.settings.region)


def failures(done: dg.ExecuteInProcessResult) -> str:
    """What a run's failed steps said."""
    said = [
        event.step_failure_data.error_display_string
        for event in done.all_events
        if event.is_step_failure and event.step_failure_data
    ]
    return "\n".join(said)


def is_transient(done: dg.ExecuteInProcessResult) -> bool:
    """Whether a run failed, and only because something did not answer."""
    told = [event.step_failure_data.user_failure_data for event in done.all_events if event.is_step_failure]
    return bool(told) and all(failure and failure.metadata["kind"].value == "transient" for failure in told)


def failed_checks(done: dg.ExecuteInProcessResult) -> set[str]:
    """`layer/asset:check` of every check that did not pass."""
    return {
        f"{found.asset_key.to_user_string()}:{found.check_name}"
        for found in done.get_asset_check_evaluations()
        if not found.passed
    }


def real_posts() -> Posts:
    """The real records, where they are there."""
    return {
        entity: [json.loads(line) for line in (REAL / f"{entity.name}.jsonl").read_text("utf-8").splitlines()]
        for entity in ENTITIES
    }


def generated_posts(folder: Path, rows: int, seed: int = 1) -> Posts:
    """Posts of the emulators' own generator, read back from its database."""
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
    """The business columns of any route's cleaned table, by key, as the oracle gives them."""
    rows = DeltaTable(uri).to_pyarrow_table().to_pylist()
    told = (tuple(_micros(value) for name, value in row.items() if name != "_source") for row in rows)
    return sorted(told, key=lambda row: row[0])


def _micros(value: Any) -> Any:
    return round(value.timestamp() * MICROSECOND) if isinstance(value, datetime) else value
