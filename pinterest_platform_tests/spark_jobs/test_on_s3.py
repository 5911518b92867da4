"""The jobs on the S3 server: the names of landed objects, concurrent runs, and the objects afterwards."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from pinterest_platform import engines
from pinterest_platform.catalog import REPORT_KEYS
from pinterest_platform.delta.lake import DeltaLake
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, ReportsParameters
from pinterest_platform_tests.spark_fixtures import STREAM, lines


class Store:
    """A folder of the bucket, the engine, and the lake."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.bucket = variables["PINTEREST_BUCKET"]
        self.folder = f"tests/{uuid.uuid4().hex}"
        self.client: Any = boto3.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL"])
        settings = Settings.model_validate({**variables, "io_timeout_seconds": 10})
        self.engine, self.lake = engines.build(settings), DeltaLake(settings)

    def uri(self, name: str) -> str:
        return f"s3://{self.bucket}/{self.folder}/{name}"

    def keys(self, name: str) -> list[str]:
        page = self.client.list_objects_v2(Bucket=self.bucket, Prefix=f"{self.folder}/{name}")
        return [entry["Key"] for entry in page.get("Contents", [])]

    def land(self, entity: str, start: int, values: list[dict[str, Any]]) -> Batch:
        name = f"topics/u.{entity}/partition=0/u.{entity}+0+{start:019d}.json"
        self.client.put_object(
            Bucket=self.bucket, Key=f"{self.folder}/{name}", Body=b"".join(lines(values, start=start))
        )
        return Batch([self.uri(name)], {"id/0": start + len(values) - 1}, len(values))

    def parameters(self, entity: str, *batches: Batch, full_refresh: bool = False) -> dict[str, Any]:
        table, quarantine = self.uri(f"table/{entity}"), self.uri(f"quarantine/{entity}")
        staging = self.uri(f"staging/{uuid.uuid4().hex}/{entity}")
        return CleanParameters(
            entity, STREAM, batches, table, quarantine, staging, full_refresh, route="kafka"
        ).to_json()

    def clean(self, entity: str, *batches: Batch, **options: bool) -> Mapping[str, Any]:
        return self.engine.run("clean", self.parameters(entity, *batches, **options), lambda line: None)


@pytest.fixture
def store(emulated: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name, value in emulated.items():
        monkeypatch.setenv(name, value)
    store = Store(emulated)
    try:
        store.client.create_bucket(Bucket=store.bucket)
    except (store.client.exceptions.BucketAlreadyOwnedByYou, store.client.exceptions.BucketAlreadyExists):
        pass
    yield store
    store.engine.close()


def pins(first: int, last: int, category: str = "art") -> list[dict[str, Any]]:
    return [{"index": ind, "category": category, "follower_count": f"{ind}k"} for ind in range(first, last)]


def test_objects_become_tables_and_tables_become_reports(store: Store) -> None:
    one, two = store.land("pin", 0, pins(0, 50)), store.land("pin", 50, [*pins(40, 60, "travel"), {"index": "x"}])
    assert store.clean("pin", one)["new"] == 50
    result = store.clean("pin", two)
    assert (result["new"], result["changed"], result["quarantined"]) == (10, 10, 1)
    for entity in ("geo", "user"):
        rows = [{"ind": ind, "country": "Peru", "age": 20, "date_joined": "2016-01-01"} for ind in range(60)]
        store.clean(entity, store.land(entity, 0, rows))
    reports = {key: store.uri(f"reports/{key}") for key in REPORT_KEYS}
    cleaned = {entity: store.uri(f"table/{entity}") for entity in ("pin", "geo", "user")}
    parameters = ReportsParameters(cleaned, reports, computed_uri=store.uri("reports/_computed.json")).to_json()
    result_of_reports = store.engine.run("reports", parameters, lambda line: None)
    assert all(outcome["changed"] for outcome in result_of_reports["reports"].values())
    assert store.lake.rows(reports["popular_category_by_country"]) == [
        {"country": "Peru", "category": "art", "category_count": 40}
    ]
    lines: list[str] = []
    again = store.engine.run("reports", parameters, lines.append)
    assert again["sources"] == result_of_reports["sources"]
    assert all("unchanged, because" in line for line in lines), lines
    facts = store.lake.facts(cleaned["pin"])
    assert facts is not None
    assert (facts.rows, facts.version) == (60, result["version"])
    assert store.lake.positions(cleaned["pin"]) == {"id/0": 70}
    assert store.keys("staging/") == []
    assert store.lake.facts(store.uri("nowhere")) is None


def test_a_second_run_writes_nothing_and_a_full_refresh_gives_equal_rows(store: Store) -> None:
    batch = store.land("pin", 0, pins(0, 20))
    store.clean("pin", batch)
    rows = store.lake.rows(store.uri("table/pin"))
    before = store.keys("table/")
    store.clean("pin", batch)
    assert store.keys("table/") == before
    store.clean("pin", batch, full_refresh=True)
    assert sorted(store.lake.rows(store.uri("table/pin")), key=lambda row: row["ind"]) == rows


def test_a_missing_object_is_a_failure(store: Store) -> None:
    from pinterest_platform.failures import TransientFailure

    missing = Batch([store.uri("topics/u.pin/partition=0/u.pin+0+0000000000000000000.json")], {"id/0": 4}, 5)
    with pytest.raises(TransientFailure, match="hold 0 records, and their manifests state 5"):
        store.clean("pin", missing)


def test_two_runs_at_once_lose_and_duplicate_nothing(store: Store) -> None:
    batches = [store.land("pin", 20 * turn, pins(10 * turn, 10 * turn + 20, str(turn))) for turn in range(6)]
    command = [sys.executable, "-m", "pinterest_platform.spark_jobs", "clean"]
    runs = [
        subprocess.Popen(
            [*command, json.dumps(store.parameters("pin", *batches))], env=os.environ, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    errors = [run.communicate(timeout=200)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    rows = store.lake.rows(store.uri("table/pin"))
    assert sorted((row["ind"], row["category"]) for row in rows) == [(ind, str(min(ind // 10, 5))) for ind in range(70)]
