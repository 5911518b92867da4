"""The draining run in process, on fakes."""

from functools import partial

import dagster as dg
import pytest

from pinterest_platform.defs.streaming.assets import drain_kinesis
from pinterest_platform.defs.streaming.jobs import kafka_pipeline
from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.draining import run
from pinterest_platform.orchestration.draining.run import failed_entities
from pinterest_platform.pipelines.drain import DrainLimits
from pinterest_platform.ports import Json, TableFacts
from pinterest_platform.spark_jobs.parameters import CleanParameters, CleanResult
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings


def cleaned(around: Surroundings, parameters: Json) -> Json:
    asked = CleanParameters.from_json(parameters)
    positions = dict(around.lake.table_positions.get(asked.table_uri, {}))
    for batch in asked.batches:
        positions |= batch.positions
    around.lake.table_positions[asked.table_uri] = positions
    around.lake.tables[asked.table_uri] = TableFacts(asked.table_uri, 1, 1, (("ind", "bigint"),))
    records = sum(batch.records or 0 for batch in asked.batches)
    return CleanResult(records, 0, {}, records, records, 0, 0, {}, 1, records, positions).to_json()


def drain(around: Surroundings, late: list[bytes]) -> dg.ExecuteInProcessResult:
    """Drain once; `late` records arrive while the first ones are cleaned."""

    def answer(parameters: Json) -> Json:
        if late:
            around.topics.append(TOPIC, 0, *late)
            late.clear()
        return cleaned(around, parameters)

    around.engine.answers["clean"] = answer
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    return kafka_pipeline.execute_in_process(resources=around.resources, raise_on_error=False)


def test_it_goes_on_until_nothing_comes_and_tells_what_it_moved(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', b"junk")
    done = drain(around, late=[b'{"ind":2}'])
    assert done.success
    told = {
        event.step_materialization_data.materialization.asset_key.to_user_string(): {
            name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in done.filter_events(lambda event: event.is_step_materialization)
    }
    assert set(told) == {f"{layer}/{entity}" for layer in ("raw", "cleaned") for entity in ("pin", "geo", "user")}
    assert told["raw/user"]["records"] == 2
    assert told["raw/user"]["quarantined"] == 1
    assert told["cleaned/user"]["new"] == 2
    assert told["cleaned/user"]["offsets_taken"] == {f"{TOPIC}/0": 2}


def test_a_store_that_is_silent_while_progress_is_shown_ends_no_drain(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "DrainLimits", partial(DrainLimits, report_every=0))
    facts, silent = around.lake.facts, [TransientFailure("The store did not answer.", "Start it.")]

    def facts_later(uri: str) -> TableFacts | None:
        if silent:
            raise silent.pop()
        return facts(uri)

    monkeypatch.setattr(around.lake, "facts", facts_later)
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    assert drain(around, late=[b'{"ind":2}']).success
    assert silent == []


def test_a_failure_names_the_job_and_the_cause(around: Surroundings) -> None:
    around.topics.delete(TOPIC)
    done = drain(around, late=[])
    assert not done.success
    [event] = [event for event in done.all_events if event.is_step_failure]
    assert "kafka_pipeline: There is no topic u.user" in str(event.step_failure_data.user_failure_data)


@pytest.mark.parametrize("layers", [("raw", "cleaned"), ("raw_stream", "cleaned_stream")])
def test_one_stream_with_a_question_keeps_no_other_one_from_its_table(
    around: Surroundings, layers: tuple[str, str]
) -> None:
    around.engine.answers["clean"] = lambda parameters: cleaned(around, parameters)
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    around.topics.delete("u.pin")
    around.shards.delete("streaming-u-pin")
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    around.shards.put(STREAM, 0, b'{"ind":1}')
    with dg.DagsterInstance.ephemeral() as instance:
        how = {"instance": instance, "resources": around.resources, "raise_on_error": False}
        done = (
            kafka_pipeline.execute_in_process(**how) if layers[0] == "raw" else dg.materialize([drain_kinesis], **how)
        )
        tagged = instance.get_run_by_id(done.run_id)
        logged = instance.all_logs(done.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert tagged is not None
    assert (tagged.is_failure, failed_entities(tagged)) == (True, ("pin",))
    events = [entry.asset_materialization for entry in logged]
    told = {event.asset_key.to_user_string(): event.metadata for event in events if event}
    assert set(told) == {f"{layer}/{entity}" for layer in layers for entity in ("geo", "user")}
    assert told[f"{layers[1]}/user"]["new"].value == 1
    [event] = [event for event in done.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert "u-pin" in str(failure.description) or "u.pin" in str(failure.description)
    assert failure.metadata["kind"].value == "permanent"
