"""The examples of docs/extending.md on a copy of the platform: a fourth entity and a tenth report, one file each."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import PAGE_KEY, PIN
from pinterest_platform_tests.e2e.harness import PROJECT, Tenant, business_rows

RUN_JOBS = """
import sys
import dagster as dg
import pinterest_platform
from pinterest_platform.definitions import defs

print(pinterest_platform.__file__)
with dg.DagsterInstance.ephemeral() as instance:
    for job in sys.argv[1:]:
        defs.resolve_job_def(job).execute_in_process(instance=instance)
"""

BOARDS = [
    {"ind": 1, "board_name": " Cakes ", "pin_count": "12", "saved_at": "2021-07-26T03:32:26", "color": "#Ff8800"},
    {"ind": 2, "board_name": "Cakes", "pin_count": "a dozen", "saved_at": None, "color": "orange"},
    {"ind": 3, "board_name": "No Board Data Available", "pin_count": 7},
    {"ind": "x", "board_name": "Lost"},
]
JULY = 1_627_270_346_000_000
CLEANED = [(1, "Cakes", 12, JULY, "#ff8800"), (2, "Cakes", None, None, None), (3, None, 7, None, None)]


def examples() -> dict[str, str]:
    """Return the files that docs/extending.md shows, by path."""
    text = (PROJECT / "docs" / "extending.md").read_text("utf-8")
    return dict(re.findall(r"^`(pinterest_platform/catalog/\S+\.py)`\n\n```python\n(.*?)^```$", text, re.M | re.S))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the platform to a folder and add the two files."""
    shutil.copytree(PROJECT / "pinterest_platform", tmp_path / "pinterest_platform")
    for path, content in examples().items():
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(content, "utf-8")
    return tmp_path


def run(copy: Path, *arguments: str) -> str:
    """Run Python on the copy, and return its output."""
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-6000:]
    return process.stdout


def produce(user: Tenant, topic: str, values: Sequence[Mapping[str, Any]]) -> None:
    producer = Producer({"bootstrap.servers": user.settings.kafka_bootstrap_servers})
    for value in values:
        producer.produce(topic, json.dumps(value).encode())
    assert producer.flush(60) == 0


def test_a_new_entity_and_a_new_report_need_one_file_each(
    user: Tenant, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(examples()) == [
        "pinterest_platform/catalog/entities/board.py",
        "pinterest_platform/catalog/reports/posts_by_board.py",
    ]
    monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "0")
    monkeypatch.setenv("PINTEREST_KINESIS_SHARDS", "1")
    topic, stream = f"{user.settings.user_id}.board", f"streaming-{user.settings.user_id}-board"
    table = f"{user.settings.user_id}_board_table"
    assert run(copy, "-c", RUN_JOBS, "provision").startswith(str(copy))

    produce(user, topic, BOARDS)
    pins = [{"index": ind, "category": category} for ind, category in ((1, "diy"), (2, "art"), (3, "art"))]
    produce(user, user.names.topic(PIN), pins)
    records = [{"Data": json.dumps(value).encode(), "PartitionKey": str(value["ind"])} for value in BOARDS]
    assert kinesis_client(user.settings).put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0
    run(copy, "-c", RUN_JOBS, "batch_pipeline", "streaming_pipeline")

    for prefix in (f"topics/{topic}/", f"streams/{stream}/"):
        lines = [line for key in user.objects(prefix) for line in user.body(key).splitlines()]
        assert len(lines) == len(BOARDS), prefix
    assert business_rows(user.names.uri(f"delta/cleaned/{table}")) == CLEANED
    assert business_rows(user.names.uri(f"delta/cleaned_stream/{table}")) == CLEANED
    assert user.report("posts_by_board") == [("Cakes", "art", 1), ("Cakes", "diy", 1)]
    page = user.body(PAGE_KEY).decode()
    assert '<section id="posts_by_board"' in page
    assert "10 reports" in page
    assert "Pins saved" in page
    assert "<dt>Boards</dt><dd>1</dd>" in page
    assert "### board" in run(copy, "-m", "pinterest_platform.catalog")
