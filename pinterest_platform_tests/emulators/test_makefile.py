"""`make dev`: the lines that the terminal shows, and how it ends. `make docs`: its hint."""

import re
import subprocess
from pathlib import Path

import pytest

from emulators.cli import main

AT = "2026-11-26 17:31:09 +0000 - "


def recipe(target: str = "dev") -> str:
    """Return the recipe of a target."""
    makefile = (Path(__file__).parents[2] / "Makefile").read_text("utf-8")
    return makefile.partition(f"\n{target}:")[2].partition("\n\n")[0]


@pytest.mark.parametrize(
    ("line", "is_shown"),
    [
        (f"{AT}dagster.daemon.MonitoringDaemon - \x1b[34mINFO\x1b[0m - Collected 1 runs for monitoring", False),
        (
            f"{AT}dagster.daemon.SensorDaemon - \x1b[34mINFO\x1b[0m - Checking for new runs for sensor: geo",
            False,
        ),
        (f"{AT}dagster.daemon.SensorDaemon - INFO - Sensor daily_alerts skipped: no alert is due", False),
        (f"{AT}dagster.daemon - INFO - Instance is configured with the following daemons: ['AssetDaemon']", False),
        (f"{AT}dagster.daemon.SensorDaemon - \x1b[34mINFO\x1b[0m - Completed launch of run 9 for kafka_backlog", True),
        (f"{AT}dagster.daemon.SensorDaemon - \x1b[31mERROR\x1b[0m - Sensor daemon caught an error", True),
        (f"{AT}dagster-webserver - INFO - Serving dagster-webserver on http://127.0.0.1:3000 in process 1", True),
        (
            f"{AT}dagster - INFO - kafka_pipeline - 9 - drain_kafka - 0a.pin/0: landed offsets 0 to 69",
            False,
        ),
        ("streaming-0a-pin/shardId-000000000001: landed object 1, up to sequence number 49", False),
        ("user: batch 1 of 1: 249 records, 214 keys, 0 quarantined", False),
        ("kafka: 719 records in 1 round until now", False),
        (f"{AT}dagster - INFO - streaming_pipeline - 9 - drain_kinesis - kinesis: 7,424 records in 3 rounds", False),
        ("kafka: 1 record in 2 rounds; no record arrived for 20 s", False),
        (f"{AT}dagster - INFO - reports_only - 9 - reports - cleaned/user: checking version 36, which was", False),
        (f"{AT}dagster - INFO - reports_only - 9 - reports - posts_by_category_and_year: 1,065 rows, replaced", False),
        ("median_followers: 1 row, unchanged", False),
        (f"{AT}dagster - INFO - batch_pipeline - 9 - reports__page - drawing the page", False),
        (f"{AT}dagster - INFO - batch_pipeline - 9 - operations__health - measuring lag, retention", False),
        ("user: 12,970 records compared with 1,200 rows", False),
        ("s3://b/delta/cleaned/0a_user_table: no new objects were landed", False),
        (
            f"{AT}dagster - INFO - kafka_pipeline - 9 - drain_kafka - 0a.pin failed, the other streams continue: S3",
            True,
        ),
        ("Traceback (most recent call last):", False),
        ("user: batch 1 of 1: 1 record, 1 key, 0 quarantined", False),
        ("pin: version 27 with 220 rows inspected", False),
        ("pin: version 27 with 1 row inspected", False),
        ("s3://b/delta/cleaned/0a_user_table: 16 small files compacted", False),
        ("s3://b/delta/cleaned/0a_user_table: 1 small file compacted", False),
        (f"{AT}dagster - ERROR - batch_pipeline - 9 - raw__pin - STEP_FAILURE", True),
        (f"{AT}dagster - ERROR - batch_pipeline - 9 - page - Dependencies for step page failed: ['x']", False),
        ("dagster._core.definitions.events.Failure: raw/pin: Kafka at x:1 did not respond. Start it.", True),
        ("", False),
        ("Stack Trace:", False),
        ('  File "dagster/_core/execution/plan/execute_plan.py", line 243, in events', False),
        ("    yield from check.generator(step_events)", False),
        ("The above exception was caused by the following exception:", False),
        ("pinterest_platform.failures.TransientFailure: Kafka at x:1 did not respond. Start it.", False),
        ("TypeError: unsupported operand", True),
    ],
)
def test_make_dev_hides_what_needs_no_operator(line: str, is_shown: bool) -> None:
    parts = re.findall(r"--hide '(.*)'", recipe().replace("$$", "$"))
    assert len(parts) == 5
    assert all(re.search(part, f"{line}\n") is None for part in parts) == is_shown


@pytest.mark.parametrize(("code", "result"), [(130, 0), (1, 2), (0, 0)])
def test_make_dev_that_is_interrupted_is_no_error(code: int, result: int, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("PY := ./python\nsetup:\ndev:" + recipe())
    (tmp_path / "python").write_text(f"#!/bin/sh\nexit {code}\n")
    (tmp_path / "python").chmod(0o700)
    made = subprocess.run(["make", "dev"], cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == result
    assert ("***" in made.stderr) == (result != 0)


def test_make_dev_serves_metrics_and_hides_what_its_stop_prints() -> None:
    assert '--with ".venv/bin/pinterest metrics"' in recipe()
    options = {option for parameter in main.commands["exec"].params for option in parameter.opts}
    assert {"--logged", "--with", "--posting", "--spark"} <= options
    assert "--logged" in recipe()
    assert "--port 3000 --port 9464" in recipe()


@pytest.mark.parametrize("has_screenshots", [True, False])
def test_make_docs_names_make_screenshots_if_there_are_none(has_screenshots: bool, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("PY := true\nsetup:\ndocs:" + recipe("docs"))
    if has_screenshots:
        (tmp_path / ".cache" / "screenshots").mkdir(parents=True)
        (tmp_path / ".cache" / "screenshots" / "graph.png").touch()
    made = subprocess.run(
        ["make", "--no-print-directory", "docs"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    hint = [] if has_screenshots else ["it has no screenshots: make screenshots adds them"]
    assert made.stdout.splitlines() == ["open site/index.html", *hint]
