"""The conservation ledger in the daily job, on fakes: damage is named, and nothing that failed before hides it."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

import dagster as dg
import pytest

from pinterest_platform.catalog import USER
from pinterest_platform.definitions import defs
from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.failures import PermanentFailure, no_response
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.orchestration.results.landing import QUARANTINE_CHECK, TIMES_CHECK
from pinterest_platform.orchestration.results.ledger import LEDGER_COLUMNS, cleaning_problems
from pinterest_platform.pipelines.audit import cleaned_topic
from pinterest_platform.ports import Json
from pinterest_platform.spark_jobs.parameters import CleanParameters, CleanResult, VerifyResult
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings, check_status

LEDGER = dg.AssetKey(["ledger", "conservation"])
LEDGER_CHECKS = [key.name for key in conservation.check_keys]
ENTITIES = ("pin", "geo", "user")


@pytest.fixture
def around(around: Surroundings) -> Surroundings:
    """Topics with records, an engine that cleans, and a bucket whose clock is right."""
    around.objects.clock_ms = time.time_ns() // 1_000_000
    for entity in ENTITIES:
        around.topics.append(f"u.{entity}", 0, b'{"ind":1}', b"junk", b'{"ind":3}')

    def clean(parameters: Json) -> Json:
        plan = CleanParameters.from_json(parameters)
        positions = {app_id: end for batch in plan.batches for app_id, end in batch.positions.items()}
        around.lake.table_positions.setdefault(plan.table_uri, {}).update(positions)
        return CleanResult(records=2, keys=2, new=2, version=1, rows=2, positions=positions).to_json()

    around.engine.responses["clean"] = clean
    around.engine.responses["verify"] = lambda _: VerifyResult(2, 0, 2, 0, 0, 0, 0, 0, [], []).to_json()
    return around


def run_daily(around: Surroundings, instance: dg.DagsterInstance | None = None) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def("batch_pipeline")
    # Without resources of its own, the job would use those of the environment.
    resources = {name: dg.ResourceDefinition.hardcoded_resource(value) for name, value in around.resources.items()}
    return job.execute_in_process(resources=resources, raise_on_error=False, instance=instance)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return the problems of each check of the ledger; a failed one names the next step."""
    evaluations = [check for check in result.get_asset_check_evaluations() if check.asset_key == LEDGER]
    for check in evaluations:
        assert ("next_step" in check.metadata) is not check.passed, check
    return {check.check_name: str(check.metadata["problems"].value) for check in evaluations}


def red(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {name: problems for name, problems in checks(result).items() if problems != "none"}


def key(around: Surroundings, prefix: str) -> str:
    [match] = [key for key in around.objects.objects if key.startswith(prefix)]
    return match


def change(around: Surroundings, changed: str, body: bytes | None = None, **metadata: str) -> None:
    whole = around.objects.objects[changed]
    around.objects.put(changed, whole.body if body is None else body, whole.metadata | metadata)


def steps(result: dg.ExecuteInProcessResult) -> list[str | None]:
    return [event.step_key for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_START]


def test_the_ledger_is_the_last_step_and_names_nothing_of_undamaged_objects(around: Surroundings) -> None:
    result = run_daily(around)
    assert steps(result)[-2:] == ["ledger__conservation", "operations__health"], "the report describes the ledger"
    assert red(result) == {} and len(checks(result)) == 6
    [ledger] = result.asset_materializations_for_node("ledger__conservation")
    assert (ledger.metadata["accounted"].value, ledger.metadata["objects_read"].value) == (9, 3)
    plotted = {name: ledger.metadata[name].value for name in ("difference", "quarantined", "gaps")}
    assert plotted == {"difference": 0, "quarantined": 3, "gaps": 0}
    table = ledger.metadata["partitions"]
    assert isinstance(table, dg.TableMetadataValue)
    assert list(table.records[0].data)[:5] == ["topic", "partition", "difference", "quarantined", "gaps"]
    assert list(table.records[0].data) == list(LEDGER_COLUMNS), "each column is described"
    assert ledger.metadata["objects_from_checkpoint"].value == 0


def test_old_objects_are_counted_from_the_checkpoint(around: Surroundings) -> None:
    around.objects.clock_ms -= 3 * 24 * 3_600_000
    run_daily(around)
    result = run_daily(around)
    assert red(result) == {}
    [ledger] = result.asset_materializations_for_node("ledger__conservation")
    names = ("accounted", "objects_read", "objects_from_checkpoint")
    assert [ledger.metadata[name].value for name in names] == [9, 0, 3]


def test_a_failing_blocking_check_of_a_table_does_not_skip_the_ledger(around: Surroundings) -> None:
    duplicates = VerifyResult(0, 0, 8, 0, 0, 0, 3, 0, [], [])
    around.engine.responses["verify"] = lambda _: duplicates.to_json()
    result = run_daily(around)
    assert not result.success
    assert red(result) == {} and len(checks(result)) == 6


def test_a_failed_landing_does_not_hide_the_ledger_of_the_other_topics(around: Surroundings) -> None:
    run_daily(around)
    change(around, damaged := key(around, f"topics/{TOPIC}/"), end="x")
    change(around, halved := key(around, "topics/u.pin/"), around.objects.read(key(around, "topics/u.pin/"))[:9])
    result = run_daily(around)
    assert not result.success
    problems = red(result)["every_offset_is_accounted_for"].splitlines()
    assert f"{TOPIC}/0: The metadata of {damaged} is damaged: end is 'x'." in problems
    assert any(halved in problem and problem.startswith("u.pin/0:") for problem in problems)
    assert not any("u.geo" in problem for problem in problems)


def test_a_table_that_cannot_be_read_is_named_and_hides_no_other_table(around: Surroundings) -> None:
    run_daily(around)
    uri = "s3://user-u-bucket/delta/cleaned/u_user_table"
    around.topics.append("u.pin", 0, b'{"ind":4}')
    positions = around.lake.positions

    def broken(address: str) -> Mapping[str, int] | None:
        if address == uri:
            raise PermanentFailure("The log of the table is damaged.", "Restore it.")
        return positions(address)

    around.lake.positions = broken  # pyright: ignore[reportAttributeAccessIssue]
    around.engine.responses.pop("clean")
    problems = red(run_daily(around))
    assert problems["everything_landed_is_cleaned"].splitlines() == [
        "u.pin/0:3-3: landed, not cleaned yet",
        f"{TOPIC}: its table cannot be read: The log of the table is damaged. Restore it.",
    ]
    assert "every_offset_is_accounted_for" not in problems


def test_deleted_objects_of_a_cleaned_partition_are_named(around: Surroundings) -> None:
    run_daily(around)
    around.objects.delete([key(around, f"topics/{TOPIC}/")])
    topic = cleaned_topic(USER, around.settings, around.objects, around.lake)
    assert list(cleaning_problems(topic)) == [f"{TOPIC}/0:0-2: cleaned, but in no landed object"]
    rebuilt_without_it = replace(topic, positions={f"{TOPIC}/0": -1})
    assert list(cleaning_problems(rebuilt_without_it)) == []


@pytest.mark.parametrize("damage", ["halved", "byte", "count", "character", "half quarantine", "no quarantine"])
def test_the_next_daily_run_names_damage_exactly_where_it_is(around: Surroundings, damage: str) -> None:
    run_daily(around)
    landed, quarantined = key(around, f"topics/{TOPIC}/"), key(around, f"quarantine/topics/{TOPIC}/")
    body, rejected = around.objects.read(landed), around.objects.read(quarantined)
    if damage == "halved":
        change(around, landed, body[: len(body) // 2])
    elif damage == "byte":
        change(around, landed, body.replace(b'"ind":3', b'"ind":4'))
    elif damage == "count":
        change(around, landed, records="1", gaps="1")
    elif damage == "character":
        change(around, quarantined, rejected.replace(b"anVuaw==", b"anVuax=="))
    elif damage == "half quarantine":
        change(around, quarantined, rejected[: len(rejected) // 2])
    else:
        around.objects.delete([quarantined])
    problems = red(run_daily(around))
    assert list(problems) == ["every_offset_is_accounted_for"]
    for problem in problems["every_offset_is_accounted_for"].splitlines():
        assert problem.startswith(f"{TOPIC}/0:0-2: ")
        assert landed in problem or quarantined in problem


def test_damage_to_objects_landed_from_kinesis_is_named(around: Surroundings) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}', b"junk")
    land_stream(around.shards, around.objects, STREAM)
    run_daily(around)
    change(around, damaged := key(around, f"streams/{STREAM}/"), around.objects.read(key(around, "streams/"))[:-9])
    problems = red(run_daily(around))
    assert list(problems) == ["every_shard_object_is_undamaged"]
    assert damaged in problems["every_shard_object_is_undamaged"]


def test_deleted_objects_of_a_cleaned_shard_are_named_and_a_table_that_cannot_be_read(around: Surroundings) -> None:
    check = "everything_landed_is_cleaned"
    table = around.settings.names.cleaned_stream_uri(USER)
    for value in (b'{"ind":1}', b'{"ind":2}'):
        around.shards.put(STREAM, 0, value)
        land_stream(around.shards, around.objects, STREAM)
    objects = sorted(key for key in around.objects.objects if key.startswith(f"streams/{STREAM}/"))
    app_id = f"{STREAM}/{objects[0].split('/')[2].partition('=')[2]}"
    around.lake.table_positions[table] = {app_id: 1}
    assert red(run_daily(around)) == {}
    around.objects.delete([objects.pop()])
    assert red(run_daily(around)) == {check: f"{app_id}: objects 1 to 1 were cleaned, and do not exist"}
    around.objects.delete(objects)
    assert red(run_daily(around)) == {check: f"{app_id}: objects 0 to 1 were cleaned, and do not exist"}
    around.lake.unreadable[table] = PermanentFailure("The log of the table is damaged.", "Restore it.")
    problem = f"{STREAM}: its table cannot be read: The log of the table is damaged. Restore it."
    assert red(run_daily(around))[check] == problem


def test_offsets_behind_an_open_transaction_are_a_warning_with_their_age(around: Surroundings) -> None:
    run_daily(around)
    around.topics.hold(TOPIC, 0)
    around.topics.append(TOPIC, 0, b"{}", b"{}")
    result = run_daily(around)
    [check] = [
        check for check in result.get_asset_check_evaluations() if check.check_name == "no_transaction_hides_records"
    ]
    assert not check.passed and check.severity is dg.AssetCheckSeverity.WARN
    assert str(check.metadata["problems"].value).startswith(
        f"{TOPIC}/0:3-4: an open transaction hides these offsets for "
    )
    [ledger] = result.asset_materializations_for_node("ledger__conservation")
    assert ledger.metadata["hidden_by_open_transactions"].value == 2


def test_a_step_that_could_not_run_does_not_look_like_a_difference(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise no_response("S3", "refused")

    monkeypatch.setattr(around.objects, "list", refuse)
    with dg.DagsterInstance.ephemeral() as instance:
        assert not run_daily(around, instance).success
        checks_by_asset = {LEDGER: LEDGER_CHECKS, dg.AssetKey(["raw", "user"]): (QUARANTINE_CHECK, TIMES_CHECK)}
        statuses = [check_status(instance, key, check) for key, names in checks_by_asset.items() for check in names]
    assert statuses == ["EXECUTION_FAILED"] * 8, "a check that found something is FAILED"
