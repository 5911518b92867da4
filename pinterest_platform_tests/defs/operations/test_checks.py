"""The audit of both routes in process, on fakes."""

from typing import NoReturn

import dagster as dg
import pytest

from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.defs.operations.checks import every_record_is_in_its_table, every_shard_is_accounted_for
from pinterest_platform.failures import no_response
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.ports import Json
from pinterest_platform.spark_jobs.parameters import VerifyParameters, VerifyResult
from pinterest_platform_tests.defs.surroundings import STREAM, Surroundings, check_status

URI = "s3://user-u-bucket/delta/cleaned_stream/u_user_table"
SHARD = "shardId-000000000000"
APP_ID = f"{STREAM}/{SHARD}"


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


def run_check(around: Surroundings, check: dg.AssetChecksDefinition) -> dg.AssetCheckEvaluation:
    result = dg.materialize(
        [conservation, check],
        resources=around.resources,
        selection=dg.AssetSelection.checks(check),
        raise_on_error=False,
    )
    [evaluation] = result.get_asset_check_evaluations()
    assert result.success is evaluation.passed, "an audit with problems fails its run"
    return evaluation


def land(around: Surroundings) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}', b"junk", b'{"ind":3}')
    land_stream(around.shards, around.objects, STREAM, StreamOptions())


def problems(evaluation: dg.AssetCheckEvaluation) -> list[str]:
    text = str(evaluation.metadata["problems"].value)
    return [] if text == "none" else text.splitlines()


def test_unused_streams_are_listed_and_their_service_is_not_called(around: Surroundings) -> None:
    around.shards.down = True
    evaluation = run_check(around, every_shard_is_accounted_for)
    assert evaluation.passed
    assert evaluation.metadata["nothing_landed_from"].value == "streaming-u-pin, streaming-u-geo, streaming-u-user"


def test_landed_and_cleaned_shards_have_no_problems(around: Surroundings) -> None:
    land(around)
    around.lake.table_positions[URI] = {APP_ID: 0}
    evaluation = run_check(around, every_shard_is_accounted_for)
    assert evaluation.passed, problems(evaluation)
    assert (evaluation.metadata["records"].value, evaluation.metadata["recounted"].value) == (2, 3)


def test_a_record_that_is_missing_from_its_object_is_reported_with_its_shard(around: Surroundings) -> None:
    land(around)
    around.lake.table_positions[URI] = {APP_ID: 0}
    [key] = [key for key in around.objects.objects if key.startswith("streams/") and key.endswith(".json")]
    around.objects.objects[key].body = around.objects.objects[key].body.splitlines(keepends=True)[0]
    evaluation = run_check(around, every_shard_is_accounted_for)
    assert not evaluation.passed
    assert all(problem.startswith(f"{APP_ID}: ") for problem in problems(evaluation))
    assert any("holds 1 record and claims 2" in problem for problem in problems(evaluation))


def test_a_table_that_is_ahead_of_its_shards_is_reported(around: Surroundings) -> None:
    land(around)
    around.lake.table_positions[URI] = {APP_ID: 4}
    evaluation = run_check(around, every_shard_is_accounted_for)
    assert problems(evaluation) == [f"{APP_ID}: objects 1 to 4 were cleaned, and do not exist"]


def test_an_outage_while_positions_are_read_is_no_finding(around: Surroundings) -> None:
    land(around)
    around.lake.unreadable[URI] = no_response("S3 at x:9", "refused")
    result = dg.materialize(
        [conservation, every_shard_is_accounted_for],
        resources=around.resources,
        selection=dg.AssetSelection.checks(every_shard_is_accounted_for),
        raise_on_error=False,
    )
    assert not result.success and result.get_asset_check_evaluations() == []


def test_objects_that_are_not_cleaned_yet_are_counted_and_no_problem(around: Surroundings) -> None:
    land(around)
    evaluation = run_check(around, every_shard_is_accounted_for)
    assert evaluation.passed
    assert evaluation.metadata["objects_not_cleaned_yet"].value == 1


def test_the_audit_compares_streamed_records_with_their_table_and_leaves_out_unused_streams(
    around: Surroundings,
) -> None:
    land(around)
    around.lake.table_positions[URI] = {APP_ID: 0}
    plans: list[VerifyParameters] = []

    def response(parameters: Json) -> Json:
        plans.append(VerifyParameters.from_json(parameters))
        lost = len(plans[-1].uris)
        return VerifyResult(lost, 0, 0, lost, 0, 0, 0, 0, [], [f"{SHARD}:7"] if lost else []).to_json()

    around.engine.responses["verify"] = response
    evaluation = run_check(around, every_record_is_in_its_table)
    assert problems(evaluation) == [f"{STREAM}: 1 missing: {SHARD}:7"]
    assert [(plan.route, plan.table_uri, plan.records) for plan in plans if plan.uris] == [("kinesis", URI, 2)]
    assert [plan.route for plan in plans] == ["kafka", "kafka", "kafka", "kinesis"]


@pytest.mark.parametrize("check", [every_record_is_in_its_table, every_shard_is_accounted_for])
def test_an_audit_that_could_not_run_fails_its_run_without_a_finding(
    around: Surroundings, check, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise no_response("S3", "refused")

    monkeypatch.setattr(around.objects, "list", refuse)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [conservation, check],
            instance=instance,
            resources=around.resources,
            selection=dg.AssetSelection.checks(check),
            raise_on_error=False,
        )
        [key] = check.check_keys
        assert check_status(instance, key.asset_key, key.name) == "EXECUTION_FAILED"
    assert not result.success
    assert not result.get_asset_check_evaluations()
