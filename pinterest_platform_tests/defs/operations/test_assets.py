"""The conservation ledger in process, on fakes."""

import asyncio
import logging
import time
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.loader import LoadingContextForTest

from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.defs.operations.checks import every_record_is_in_its_table
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform.orchestration.draining import catching_up
from pinterest_platform.orchestration.results.audit import AUDIT_CHECK
from pinterest_platform.orchestration.results.ledger import LEDGER
from pinterest_platform.spark_jobs.parameters import VerifyResult
from pinterest_platform_tests.defs.surroundings import TOPIC, Surroundings, check_status

URI = "s3://user-u-bucket/delta/cleaned/u_user_table"


def balance(around: Surroundings, instance: dg.DagsterInstance | None = None) -> dict[str, dg.AssetCheckEvaluation]:
    result = dg.materialize([conservation], resources=around.resources, instance=instance)
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def land(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', b"junk", b'{"ind":3}')
    around.topics.skip(TOPIC, 0)
    dg.materialize(RAW, resources=around.resources)


def test_landed_and_cleaned_topics_balance(around: Surroundings) -> None:
    land(around)
    around.lake.table_positions[URI] = {f"{TOPIC}/0": 3}
    assert all(check.passed for check in balance(around).values())


def test_a_missing_object_is_reported_with_its_range(around: Surroundings) -> None:
    land(around)
    around.topics.append(TOPIC, 0, b'{"ind":5}')
    dg.materialize(RAW, resources=around.resources)
    del around.objects.objects[f"topics/{TOPIC}/partition=0/{TOPIC}+0+{0:019d}.json"]
    check = balance(around)["every_offset_is_accounted_for"]
    assert not check.passed
    assert f"{TOPIC}/0" in str(check.metadata["problems"].value)


def test_landed_objects_that_are_not_cleaned_are_reported(around: Surroundings) -> None:
    land(around)
    check = balance(around)["everything_landed_is_cleaned"]
    assert not check.passed
    assert f"{TOPIC}/0:0-3: landed, not cleaned yet" in str(check.metadata["problems"].value)


def test_the_ledger_waits_for_a_drain_that_cleans_what_it_landed(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(around)
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.JobDefinition(name="kafka_pipeline", graph_def=dg.GraphDefinition(name="kafka_pipeline"))
        drain = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)

        def clean(_: float) -> None:
            # It goes on landing and cleaning meanwhile.
            around.lake.table_positions[URI] = {f"{TOPIC}/0": 9}

        # Not time.sleep itself, which threads of earlier tests can call.
        monkeypatch.setattr(catching_up, "time", SimpleNamespace(monotonic=time.monotonic, sleep=clean))
        assert all(check.passed for check in balance(around, instance).values())
        around.lake.table_positions[URI] = {f"{TOPIC}/0": 2}
        monkeypatch.setattr(catching_up.time, "sleep", lambda _: instance.report_run_failed(drain))
        check = balance(around, instance)["everything_landed_is_cleaned"]
    assert str(check.metadata["problems"].value) == f"{TOPIC}/0:3-3: landed, not cleaned yet"


def test_problems_are_also_errors_in_the_log_of_the_run(around: Surroundings) -> None:
    land(around)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([conservation], resources=around.resources, instance=instance)
        errors = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == logging.ERROR]
    assert errors == [f"everything_landed_is_cleaned: {TOPIC}/0:0-3: landed, not cleaned yet"]


def test_the_audit_reports_missing_records_and_duplicate_rows(around: Surroundings) -> None:
    land(around)
    missing_record = VerifyResult(3, 0, 2, 1, 0, 0, 0, 0, [], ["0:2"])
    complete = VerifyResult(0, 0, 0, 0, 0, 0, 0, 0, [], [])
    duplicates = VerifyResult(0, 0, 8, 0, 0, 0, 3, 2, [], [])
    results = {"user": missing_record, "pin": complete, "geo": duplicates}
    around.engine.responses["verify"] = lambda parameters: results[parameters["entity"]].to_json()
    result = dg.materialize(
        [conservation, every_record_is_in_its_table],
        resources=around.resources,
        selection=dg.AssetSelection.checks(every_record_is_in_its_table),
        raise_on_error=False,
    )
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    geo = TOPIC.replace("user", "geo")
    assert str(check.metadata["problems"].value).splitlines() == [
        f"{geo}: its table has 3 rows beyond the first of their key",
        f"{geo}: its table has 2 rows without a key",
        f"{TOPIC}: 1 missing: 0:2",
    ]


def test_a_later_ledger_repeats_the_last_results_of_the_audit(around: Surroundings) -> None:
    land(around)
    around.engine.responses["verify"] = lambda _: VerifyResult(0, 0, 0, 0, 0, 0, 0, 0, [], []).to_json()
    audit = dg.AssetCheckKey(LEDGER, AUDIT_CHECK)
    with dg.DagsterInstance.ephemeral() as instance:
        assert AUDIT_CHECK not in balance(around, instance)
        dg.materialize(
            [conservation, every_record_is_in_its_table],
            resources=around.resources,
            instance=instance,
            selection=dg.AssetSelection.checks(every_record_is_in_its_table),
        )
        repeated = balance(around, instance)[AUDIT_CHECK]
        assert check_status(instance, LEDGER, AUDIT_CHECK) == "SUCCEEDED"
        [record] = instance.event_log_storage.get_asset_check_execution_history(audit, limit=1)
        assert asyncio.run(record.targets_latest_materialization(LoadingContextForTest(instance)))
        both = dg.materialize(
            [conservation, every_record_is_in_its_table], resources=around.resources, instance=instance
        )
    evaluated = [check for check in both.get_asset_check_evaluations() if check.check_name == AUDIT_CHECK]
    assert repeated.passed and "last_run" in repeated.metadata
    assert ["last_run" in check.metadata for check in evaluated] == [False]


def test_the_ledger_of_a_topic_that_connect_lands_does_not_read_the_broker(around: Surroundings) -> None:
    around.settings = around.settings.model_copy(update={"connect_topics": "pin,geo,user"})
    around.topics.down = True
    assert balance(around)["every_offset_is_accounted_for"].passed
