"""Drains in process, on fakes."""

import time
from functools import partial

import dagster as dg
import pytest

from pinterest_platform.catalog import USER
from pinterest_platform.definitions import defs
from pinterest_platform.defs.streaming.assets import drain_kinesis
from pinterest_platform.defs.streaming.jobs import kafka_pipeline
from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.draining import checks as draining_checks
from pinterest_platform.orchestration.draining import run as draining_run
from pinterest_platform.orchestration.draining.run import failed_entities
from pinterest_platform.pipelines.drain import Drain, DrainLimits
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import Json, TableFacts
from pinterest_platform.spark_jobs.parameters import CleanParameters, CleanResult
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings


def cleaned(around: Surroundings, parameters: Json) -> Json:
    plan = CleanParameters.from_json(parameters)
    positions = dict(around.lake.table_positions.get(plan.table_uri, {}))
    for batch in plan.batches:
        positions |= batch.positions
    around.lake.table_positions[plan.table_uri] = positions
    around.lake.tables[plan.table_uri] = TableFacts(plan.table_uri, 1, 1, (("ind", "bigint"),))
    records = sum(batch.records or 0 for batch in plan.batches)
    return CleanResult(records, 0, {}, records, records, 0, 0, {}, 1, records, positions).to_json()


def drain(
    around: Surroundings, late: list[bytes], instance: dg.DagsterInstance | None = None
) -> dg.ExecuteInProcessResult:
    """Drain once; `late` records arrive while the first ones are cleaned."""

    def response(parameters: Json) -> Json:
        if late and parameters["entity"] == "user":
            around.topics.append(TOPIC, 0, *late)
            late.clear()
        return cleaned(around, parameters)

    around.engine.responses["clean"] = response
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    return kafka_pipeline.execute_in_process(resources=around.resources, instance=instance, raise_on_error=False)


def test_it_continues_until_no_record_arrives_and_reports_its_counts(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', b"junk")
    result = drain(around, late=[b'{"ind":2}'])
    assert result.success
    metadata = {
        event.step_materialization_data.materialization.asset_key.to_user_string(): {
            name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.filter_events(lambda event: event.is_step_materialization)
    }
    assert set(metadata) == {f"{layer}/{entity}" for layer in ("raw", "cleaned") for entity in ("pin", "geo", "user")}
    assert metadata["raw/user"]["records"] == 2
    assert metadata["raw/user"]["quarantined"] == 1
    assert metadata["cleaned/user"]["new"] == 2
    assert metadata["cleaned/user"]["offsets_taken"] == {f"{TOPIC}/0": 2}


def test_intermediate_results_are_those_of_their_interval_and_totals_have_names_of_their_own(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining_run, "DrainLimits", partial(DrainLimits, report_every=0))
    around.topics.append(TOPIC, 0, b'{"ind":1}', b"junk")
    events = drain(around, late=[b'{"ind":2}']).filter_events(lambda event: event.is_step_materialization)
    materializations = [event.step_materialization_data.materialization for event in events]
    for key, name, counts in [("raw", "records", [1, 1, 0]), ("cleaned", "new", [1, 1, 0])]:
        shown = [event.metadata for event in materializations if event.asset_key.path == [key, "user"]]
        assert [metadata[name].value for metadata in shown] == counts
        assert [metadata[f"run_total_{name}"].value for metadata in shown] == [1, 2, 2]
    landed = [event.metadata for event in materializations if event.asset_key.path == ["raw", "user"]]
    assert [metadata["stored_objects"].value for metadata in landed] == [1, 2, 2]
    sizes = [len(stored.body) for key, stored in around.objects.objects.items() if key.startswith(f"topics/{TOPIC}/")]
    assert [metadata["dagster/size_bytes"].value for metadata in landed] == [sizes[0], sum(sizes), sum(sizes)]


def test_a_bucket_that_cannot_be_listed_leaves_the_size_out(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise TransientFailure("The store did not respond.", "Start it.")

    monkeypatch.setattr(Lakehouse, "landed_size", fail)
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    result = drain(around, late=[])
    assert result.success
    events = result.filter_events(lambda event: event.is_step_materialization)
    assert all("stored_objects" not in event.step_materialization_data.materialization.metadata for event in events)


def test_a_store_that_is_silent_during_an_intermediate_report_does_not_end_the_drain(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining_run, "DrainLimits", partial(DrainLimits, report_every=0))
    facts, silent = around.lake.facts, [TransientFailure("The store did not respond.", "Start it.")]

    def facts_later(uri: str) -> TableFacts | None:
        if silent:
            raise silent.pop()
        return facts(uri)

    monkeypatch.setattr(around.lake, "facts", facts_later)
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    assert drain(around, late=[b'{"ind":2}']).success
    assert silent == []


def test_a_failure_names_the_assets_and_the_cause_and_no_job(around: Surroundings) -> None:
    around.topics.delete(TOPIC)
    result = drain(around, late=[])
    assert not result.success
    [event] = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.user_failure_data is not None
    description = event.step_failure_data.user_failure_data.description or ""
    assert description.startswith("raw and cleaned of user: There is no topic u.user")
    assert "kafka_pipeline" not in description
    assert event.step_failure_data.user_failure_data.metadata["asset"].value == "raw/user, cleaned/user"


@pytest.mark.parametrize("layers", [("raw", "cleaned"), ("raw_stream", "cleaned_stream")])
def test_a_stream_that_fails_does_not_stop_the_others(around: Surroundings, layers: tuple[str, str]) -> None:
    around.engine.responses["clean"] = lambda parameters: cleaned(around, parameters)
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    around.topics.delete("u.pin")
    around.shards.delete("streaming-u-pin")
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    around.shards.put(STREAM, 0, b'{"ind":1}')
    with dg.DagsterInstance.ephemeral() as instance:
        options = {"instance": instance, "resources": around.resources, "raise_on_error": False}
        result = (
            kafka_pipeline.execute_in_process(**options)
            if layers[0] == "raw"
            else dg.materialize([drain_kinesis], **options)
        )
        run = instance.get_run_by_id(result.run_id)
        logged = instance.all_logs(result.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert run is not None
    assert (run.is_failure, failed_entities(run)) == (True, ("pin",))
    events = [entry.asset_materialization for entry in logged]
    metadata = {event.asset_key.to_user_string(): event.metadata for event in events if event}
    assert set(metadata) == {f"{layer}/{entity}" for layer in layers for entity in ("geo", "user")}
    assert metadata[f"{layers[1]}/user"]["new"].value == 1
    [event] = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert "u-pin" in str(failure.description) or "u.pin" in str(failure.description)
    assert failure.metadata["kind"].value == "permanent"


def test_a_drain_reports_commits_of_other_writers_as_a_failed_check(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    around.engine.responses["clean"] = lambda parameters: {
        **cleaned(around, parameters),
        "foreign_commits": ["version 7: RESTORE by x"],
    }
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    result = kafka_pipeline.execute_in_process(resources=around.resources, raise_on_error=False)
    evaluations = result.get_asset_check_evaluations()
    failed = {
        (evaluation.asset_key.to_user_string(), evaluation.check_name)
        for evaluation in evaluations
        if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR
    }
    assert failed == {(f"cleaned/{entity}", "only_platform_commits") for entity in ("pin", "geo", "user")}
    assert {evaluation.check_name for evaluation in evaluations} == CHECKS["cleaned"] | CHECKS["raw"]


def test_a_drain_warns_of_rejected_records_and_wrong_times_with_the_next_step(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', b"junk")
    around.topics.append(TOPIC, 0, b'{"ind":2}', timestamp_ms=1)
    around.engine.responses["clean"] = lambda parameters: {
        **cleaned(around, parameters),
        "quarantined": 2,
        "reasons": {"missing key": 2},
        "unreadable": {"age": 3},
    }
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    result = kafka_pipeline.execute_in_process(resources=around.resources, raise_on_error=False)
    failed = {
        evaluation.check_name: {name: value.value for name, value in evaluation.metadata.items()}
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.asset_key.path[-1] == "user" and not evaluation.passed
    }
    assert failed["nothing_quarantined"]["quarantined"] == 1
    assert f"/quarantine/topics/{TOPIC}/" in str(failed["nothing_quarantined"]["where"])
    assert (failed["times_plausible"]["implausible_times"], failed["times_plausible"]["partitions"]) == (1, "0")
    assert (failed["nothing_rejected"]["count"], failed["nothing_rejected"]["missing key"]) == (2, 2)
    assert failed["nothing_rejected"]["where"] == around.settings.names.cleaned_quarantine_uri(USER)
    assert (failed["everything_readable"]["count"], failed["everything_readable"]["age"]) == (3, 3)
    for check in ("nothing_quarantined", "times_plausible", "nothing_rejected", "everything_readable"):
        assert failed[check]["next_step"]


USER_TABLE = dg.AssetKey(["cleaned", "user"])

CHECKS = {
    layer: {key.name for key in defs.resolve_asset_graph().asset_check_keys if key.asset_key.path == [layer, "user"]}
    for layer in ("raw", "cleaned", "cleaned_stream")
}


@pytest.mark.parametrize("layer", ["raw", "cleaned", "cleaned_stream"])
def test_after_a_drain_no_check_of_its_assets_is_older_than_its_materialization(
    around: Surroundings, layer: str
) -> None:
    around.engine.responses["clean"] = lambda parameters: cleaned(around, parameters)
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    key = dg.AssetKey([layer, "user"])
    asset = drain_kinesis if layer == "cleaned_stream" else kafka_pipeline
    with dg.DagsterInstance.ephemeral() as instance:
        parity = dg.AssetCheckEvaluation(asset_key=key, check_name="agrees_with_cleaned", passed=True)
        instance.report_runless_asset_event(parity)
        around.topics.append(TOPIC, 0, b'{"ind":1}')
        around.shards.put(STREAM, 0, b'{"ind":1}')
        if isinstance(asset, dg.JobDefinition):
            run_id = asset.execute_in_process(resources=around.resources, instance=instance).run_id
        else:
            run_id = dg.materialize([asset], resources=around.resources, instance=instance).run_id
        entries = instance.all_logs(run_id)
    last = max(
        index
        for index, entry in enumerate(entries)
        if entry.asset_materialization and entry.asset_materialization.asset_key == key
    )
    later = [entry.asset_check_evaluation for entry in entries[last:] if entry.asset_check_evaluation]
    by_name = {evaluation.check_name: evaluation for evaluation in later if evaluation.asset_key == key}
    assert by_name.keys() == CHECKS[layer]
    passed = [evaluation for name, evaluation in by_name.items() if name not in ("fresh", "agrees_with_cleaned")]
    assert all(evaluation.passed and "next_step" not in evaluation.metadata for evaluation in passed)
    assert layer != "cleaned_stream" or by_name["agrees_with_cleaned"].passed
    if layer != "raw":
        assert isinstance(by_name["unique_key"].metadata["last_run"], dg.TimestampMetadataValue)
    if layer == "cleaned_stream":
        assert "last_run" in by_name["agrees_with_cleaned"].metadata


@pytest.mark.parametrize("asset", [kafka_pipeline, drain_kinesis], ids=["kafka", "kinesis"])
def test_a_drain_of_either_route_waits_to_fill_objects(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, asset: dg.JobDefinition | dg.AssetsDefinition
) -> None:
    pauses = list[float]()
    monkeypatch.setattr(draining_run, "Drain", partial(Drain, sleep=pauses.append))
    around.engine.responses["clean"] = lambda parameters: cleaned(around, parameters)
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0, "drain_fill_seconds": 60.0})
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    around.shards.put(STREAM, 0, b'{"ind":1}')
    if isinstance(asset, dg.JobDefinition):
        asset.execute_in_process(resources=around.resources)
    else:
        dg.materialize([asset], resources=around.resources)
    assert [pause > 1 for pause in pauses] == [True]


def test_a_new_table_is_checked_by_the_first_report_of_the_drain_that_creates_it(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining_run, "DrainLimits", partial(DrainLimits, report_every=0))
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    checked: list[str] = []
    for event in drain(around, late=[b'{"ind":2}']).all_events:
        if event.is_step_materialization and event.asset_key == USER_TABLE:
            checked.append("materialized")
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            checked += [evaluation.check_name] if evaluation.asset_key == USER_TABLE else []
    materialized = checked.index("materialized", 1)
    assert set(checked[1:materialized]) == CHECKS["cleaned"]


def test_while_the_broker_does_not_answer_a_drain_reports_every_check_but_the_lag(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []

    def lag(*_: object, **__: object) -> int:
        logged.append("lag")
        raise TransientFailure("Kafka did not respond.", "Start it.")

    def log_event(context: dg.OpExecutionContext, event: object) -> None:
        if isinstance(event, dg.AssetCheckEvaluation):
            logged.append(event.check_name)

    monkeypatch.setattr("pinterest_platform.defs.streaming.jobs.kafka_lag_ms", lag)
    monkeypatch.setattr(dg.OpExecutionContext, "log_event", log_event)
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    drain(around, late=[])
    first = logged.index("lag")
    assert {*logged[:first], "fresh"} == CHECKS["cleaned"] | CHECKS["raw"]


def test_while_the_lag_is_measured_a_drain_shows_the_last_one(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lag(*_: object, **__: object) -> int:
        time.sleep(0.2)
        return 7_000

    monkeypatch.setattr("pinterest_platform.defs.streaming.jobs.kafka_lag_ms", lag)
    monkeypatch.setattr(draining_checks, "_PROMPT_SECONDS", 0.0)
    with dg.DagsterInstance.ephemeral() as instance:
        for value in (b'{"ind":1}', b'{"ind":2}'):
            around.topics.append(TOPIC, 0, value)
            result = drain(around, late=[], instance=instance)
    fresh = [
        evaluation
        for evaluation in result.get_asset_check_evaluations()
        if (evaluation.asset_key, evaluation.check_name) == (USER_TABLE, "fresh")
    ]
    assert ["last_run" in evaluation.metadata for evaluation in fresh] == [True, False]


@pytest.mark.parametrize(
    "selection", [["cleaned_stream/user"], ["raw_stream/user"], ["raw_stream/user", "cleaned_stream/user"]]
)
def test_a_drain_of_a_selected_stream_lands_and_cleans_it_alone(around: Surroundings, selection: list[str]) -> None:
    around.engine.responses["clean"] = lambda parameters: cleaned(around, parameters)
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    around.shards.put(STREAM, 0, b'{"ind":1}')
    around.shards.delete("streaming-u-pin")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [drain_kinesis],
            instance=instance,
            resources=around.resources,
            selection=selection,
            run_config={"ops": {"drain_kinesis": {"config": {"new_epoch": ""}}}},
        )
        logged = instance.all_logs(result.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    events = [entry.asset_materialization for entry in logged]
    assert result.success
    metadata = {event.asset_key.to_user_string(): event.metadata for event in events if event}
    assert set(metadata) == {"raw_stream/user", "cleaned_stream/user"}
    assert metadata["cleaned_stream/user"]["new"].value == 1
