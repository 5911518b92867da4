"""The jobs `maintenance` and `deprovision` in process, on fakes."""

from typing import Any

import dagster as dg
import pytest

from pinterest_platform.defs.operations import jobs
from pinterest_platform.defs.operations.jobs import deprovision, maintenance
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.pipelines.maintenance import tables
from pinterest_platform.ports import MaintenanceResult
from pinterest_platform_tests.defs.surroundings import STREAM, Surroundings


def run_maintenance(around: Surroundings, **config: Any) -> dg.ExecuteInProcessResult:
    run_config = {"ops": {"look_after_the_lake": {"config": config}}}
    return maintenance.execute_in_process(resources=around.resources, run_config=run_config, raise_on_error=False)


def observed(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    observations = [
        event.asset_observation_data.asset_observation
        for event in result.filter_events(lambda event: event.event_type is dg.DagsterEventType.ASSET_OBSERVATION)
    ]
    return {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.metadata.items()}
        for event in observations
    }


def holds(around: Surroundings, name: str, **counts: Any) -> None:
    uri = tables(around.settings.names)[name]
    around.lake.maintenance[uri] = MaintenanceResult(uri, 9, 2, **counts)


def test_the_maintenance_of_an_assets_table_is_observed(around: Surroundings) -> None:
    holds(around, "cleaned/pin", compacted=8, deleted_files=3, deleted_bytes=70, deleted_log_files=5)
    holds(around, "quarantine/cleaned/pin", compacted=8)
    holds(around, "cleaned_stream/geo", conflicted=True)
    holds(around, "reports/top_poster_by_country")
    result = run_maintenance(around)
    assert result.success
    metadata = observed(result)
    assert set(metadata) == {"cleaned/pin", "cleaned_stream/geo"}
    pin = metadata["cleaned/pin"]
    assert (pin["files_before"], pin["files_after"], pin["files_deleted"], pin["bytes_deleted"]) == (9, 2, 3, 70)
    assert metadata["cleaned_stream/geo"]["left_to_other_writers"] is True


def test_a_dry_run_observes_nothing(around: Surroundings) -> None:
    holds(around, "cleaned/pin", compacted=8)
    result = run_maintenance(around, tables=["cleaned/pin"], dry_run=True)
    assert result.success and not observed(result)
    assert around.lake.maintained == [(tables(around.settings.names)["cleaned/pin"], 168, True)]


@pytest.mark.parametrize(("dry_run", "verb", "deleted"), [(True, "would be deleted", []), (False, "deleted", ["old"])])
def test_old_runs_are_deleted_except_in_a_dry_run(
    around: Surroundings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    dry_run: bool,
    verb: str,
    deleted: list[str],
) -> None:
    run_ids: list[str] = []
    monkeypatch.setattr(jobs, "expired_runs", lambda *_: ["old"])
    monkeypatch.setattr(jobs, "delete_runs", lambda _, expired: run_ids.extend(expired))
    assert run_maintenance(around, dry_run=dry_run).success
    assert f"1 run that ended more than 30 days ago {verb}" in capfd.readouterr().err
    assert run_ids == deleted


def test_an_unknown_table_fails_with_the_names_of_all_tables(around: Surroundings) -> None:
    result = run_maintenance(around, tables=["pin"])
    [event] = [event for event in result.all_events if event.is_step_failure]
    assert "maintenance: There is no table pin. Name some of cleaned/pin, " in str(event.step_failure_data)


def deprovision_streams(around: Surroundings, **config: Any) -> dg.ExecuteInProcessResult:
    return deprovision.execute_in_process(
        resources={**around.resources, "provisioner": around.provisioner},
        run_config={"ops": {"delete_streams": {"config": config}}},
        raise_on_error=False,
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in result.all_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data)


def test_a_landed_stream_is_deleted_and_the_others_stay(around: Surroundings) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}')
    land_stream(around.shards, around.objects, STREAM)
    objects = dict(around.objects.objects)
    assert deprovision_streams(around, streams=[STREAM]).success
    assert sorted(around.shards.streams) == ["streaming-u-geo", "streaming-u-pin"]
    assert around.objects.objects == objects
    assert deprovision_streams(around, streams=[STREAM]).success


def test_a_stream_that_is_not_landed_stays_unless_the_config_allows_its_loss(around: Surroundings) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}')
    result = deprovision_streams(around, streams=["streaming-u-pin", STREAM])
    assert f"{STREAM} holds records that are not landed; nothing was deleted" in failure(result)
    assert len(around.shards.streams) == 3
    assert deprovision_streams(around, streams=[STREAM], even_unlanded=True).success
    assert STREAM not in around.shards.streams


@pytest.mark.parametrize(
    ("requested", "reason"),
    [
        ([], "No stream is named"),
        (["streaming-other-pin"], "Not a stream of user id u: streaming-other-pin."),
        ([STREAM, "u.user"], "Not a stream of user id u: u.user."),
    ],
)
def test_a_name_that_is_no_stream_of_the_user_id_deletes_nothing(
    around: Surroundings, requested: list[str], reason: str
) -> None:
    assert reason in failure(deprovision_streams(around, streams=requested))
    assert len(around.shards.streams) == 3


def test_without_run_config_it_does_not_start(around: Surroundings) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError):
        deprovision.execute_in_process(resources={**around.resources, "provisioner": around.provisioner})
