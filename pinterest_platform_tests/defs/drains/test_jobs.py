"""The draining run in process, on fakes."""

import dagster as dg

from pinterest_platform.defs.drains.jobs import kafka_pipeline
from pinterest_platform.ports import Json, TableFacts
from pinterest_platform.spark_jobs.parameters import CleanParameters, CleanResult
from pinterest_platform_tests.defs.surroundings import TOPIC, Surroundings


def cleaned(around: Surroundings, parameters: Json) -> Json:
    asked = CleanParameters.from_json(parameters)
    positions = dict(around.lake.taken.get(asked.table_uri, {}))
    for batch in asked.batches:
        positions |= batch.positions
    around.lake.taken[asked.table_uri] = positions
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


def test_a_failure_names_the_job_and_the_cause(around: Surroundings) -> None:
    around.topics.delete(TOPIC)
    done = drain(around, late=[])
    assert not done.success
    [event] = [event for event in done.all_events if event.is_step_failure]
    assert "kafka_pipeline: There is no topic u.user" in str(event.step_failure_data.user_failure_data)
