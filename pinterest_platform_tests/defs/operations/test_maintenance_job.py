"""The maintenance job in process, on fakes."""

from typing import Any

import dagster as dg

from pinterest_platform.defs.operations.jobs import maintenance
from pinterest_platform.pipelines.maintenance import tables
from pinterest_platform.ports import MaintenanceResult
from pinterest_platform_tests.defs.surroundings import Surroundings


def run(around: Surroundings, **config: Any) -> dg.ExecuteInProcessResult:
    run_config = {"ops": {"look_after_the_lake": {"config": config}}}
    return maintenance.execute_in_process(resources=around.resources, run_config=run_config, raise_on_error=False)


def observed(done: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    found = [
        event.asset_observation_data.asset_observation
        for event in done.filter_events(lambda event: event.event_type is dg.DagsterEventType.ASSET_OBSERVATION)
    ]
    return {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.metadata.items()}
        for event in found
    }


def holds(around: Surroundings, name: str, **counts: Any) -> None:
    uri = tables(around.settings.names)[name]
    around.lake.maintenance[uri] = MaintenanceResult(uri, 9, 2, **counts)


def test_what_was_done_to_an_assets_table_is_observed_of_it(around: Surroundings) -> None:
    holds(around, "cleaned/pin", compacted=8, deleted_files=3, deleted_bytes=70, deleted_log_files=5)
    holds(around, "quarantine/cleaned/pin", compacted=8)
    holds(around, "cleaned_stream/geo", raced=True)
    holds(around, "reports/top_poster_by_country")
    done = run(around)
    assert done.success
    told = observed(done)
    assert set(told) == {"cleaned/pin", "cleaned_stream/geo"}
    pin = told["cleaned/pin"]
    assert (pin["files_before"], pin["files_after"], pin["files_deleted"], pin["bytes_deleted"]) == (9, 2, 3, 70)
    assert told["cleaned_stream/geo"]["left_to_other_writers"] is True


def test_a_dry_run_observes_nothing(around: Surroundings) -> None:
    holds(around, "cleaned/pin", compacted=8)
    done = run(around, tables=["cleaned/pin"], dry_run=True)
    assert done.success and not observed(done)
    assert around.lake.maintained == [(tables(around.settings.names)["cleaned/pin"], 168, True)]


def test_an_unknown_table_fails_with_the_names_that_there_are(around: Surroundings) -> None:
    done = run(around, tables=["pin"])
    [event] = [event for event in done.all_events if event.is_step_failure]
    assert "maintenance: There is no table pin. Name some of cleaned/pin, " in str(event.step_failure_data)
