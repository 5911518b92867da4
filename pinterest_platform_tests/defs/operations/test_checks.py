"""The audit of streams in process, on fakes."""

import dagster as dg
import pytest

from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.defs.operations.checks import every_record_is_in_its_table, every_shard_is_accounted_for
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.ports import Json
from pinterest_platform.spark_jobs.parameters import VerifyParameters, VerifyResult
from pinterest_platform_tests.defs.surroundings import STREAM, Surroundings

URI = "s3://user-u-bucket/delta/cleaned_stream/u_user_table"
SHARD = "shardId-000000000000"
APP_ID = f"{STREAM}/{SHARD}"


@pytest.fixture
def around() -> Surroundings:
    made = Surroundings()
    if STREAM not in made.shards.streams:
        made.shards.create(STREAM)
    return made


def look(around: Surroundings, check: dg.AssetChecksDefinition) -> dg.AssetCheckEvaluation:
    done = dg.materialize(
        [conservation, check],
        resources=around.resources,
        selection=dg.AssetSelection.checks(check),
        raise_on_error=False,
    )
    [found] = done.get_asset_check_evaluations()
    assert done.success is found.passed, "an audit that finds something fails its run"
    return found


def land(around: Surroundings) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}', b"junk", b'{"ind":3}')
    land_stream(around.shards, around.objects, STREAM, StreamOptions())


def problems(found: dg.AssetCheckEvaluation) -> list[str]:
    text = str(found.metadata["problems"].value)
    return [] if text == "none" else text.splitlines()


def test_streams_that_nothing_was_landed_from_are_named_and_not_asked_for(around: Surroundings) -> None:
    around.shards.down = True
    found = look(around, every_shard_is_accounted_for)
    assert found.passed
    assert found.metadata["nothing_landed_from"].value == "streaming-u-pin, streaming-u-geo, streaming-u-user"


def test_the_books_of_landed_and_cleaned_shards_balance(around: Surroundings) -> None:
    land(around)
    around.lake.taken[URI] = {APP_ID: 0}
    found = look(around, every_shard_is_accounted_for)
    assert found.passed, problems(found)
    assert (found.metadata["records"].value, found.metadata["recounted"].value) == (2, 3)


def test_a_record_that_its_object_lost_is_named_with_its_shard(around: Surroundings) -> None:
    land(around)
    around.lake.taken[URI] = {APP_ID: 0}
    [key] = [key for key in around.objects.objects if key.startswith("streams/") and key.endswith(".json")]
    around.objects.objects[key].body = around.objects.objects[key].body.splitlines(keepends=True)[0]
    found = look(around, every_shard_is_accounted_for)
    assert not found.passed
    assert all(problem.startswith(f"{APP_ID}: ") for problem in problems(found))
    assert any("holds 1 records and claims 2" in problem for problem in problems(found))


def test_a_table_that_is_ahead_of_its_shards_is_named(around: Surroundings) -> None:
    land(around)
    around.lake.taken[URI] = {APP_ID: 4}
    found = look(around, every_shard_is_accounted_for)
    assert problems(found) == [f"{APP_ID}: 5 objects were cleaned, and 1 are there"]


def test_what_a_drain_has_not_cleaned_yet_is_counted_and_no_problem(around: Surroundings) -> None:
    land(around)
    found = look(around, every_shard_is_accounted_for)
    assert found.passed
    assert found.metadata["objects_not_cleaned_yet"].value == 1


def test_the_audit_holds_streamed_records_against_their_table_and_leaves_unused_streams_out(
    around: Surroundings,
) -> None:
    land(around)
    around.lake.taken[URI] = {APP_ID: 0}
    asked: list[VerifyParameters] = []

    def answer(parameters: Json) -> Json:
        asked.append(VerifyParameters.from_json(parameters))
        lost = len(asked[-1].uris)
        return VerifyResult(lost, 0, 0, lost, 0, 0, 0, 0, [], [f"{SHARD}:7"] if lost else []).to_json()

    around.engine.answers["verify"] = answer
    found = look(around, every_record_is_in_its_table)
    assert problems(found) == [f"{STREAM}: 1 missing: {SHARD}:7"]
    assert [(told.route, told.table_uri, told.records) for told in asked if told.uris] == [("kinesis", URI, 2)]
    assert [told.route for told in asked] == ["kafka", "kafka", "kafka", "kinesis"]
