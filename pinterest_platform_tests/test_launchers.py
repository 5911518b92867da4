"""The launchers of runs: the schedule and the sensors. All other runs are launched by users."""

from itertools import combinations

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.definitions import defs
from pinterest_platform.orchestration.daily.history import JOB, RESULTS
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform.orchestration.workers import EXCLUSIVE

SENSORS = {sensor.name: sensor for sensor in defs.sensors or ()}
SCHEDULES = {schedule.name: schedule for schedule in defs.schedules or ()}
DRAINS = {"kafka_backlog": "kafka_pipeline", "kinesis_backlog": "streaming_pipeline"}
WRITTEN_BY_OPS = {"kafka_pipeline": {dg.AssetKey([layer, e.name]) for layer in ("raw", "cleaned") for e in ENTITIES}}
"""Assets that a job of plain ops materializes; Dagster does not know them."""


def launched(sensor: dg.SensorDefinition) -> set[str]:
    return {job.name for job in sensor.jobs} if sensor.has_jobs else set()


def written_assets(job: str) -> set[dg.AssetKey]:
    return set(defs.resolve_job_def(job).asset_layer.executable_asset_keys) | WRITTEN_BY_OPS.get(job, set())


def reports(job: str) -> set[dg.AssetKey]:
    return {key for key in written_assets(job) if key.path[0] == "reports"}


def test_the_launchers_are_these() -> None:
    assert set(SCHEDULES) == {"daily"}
    assert set(SENSORS) == {*DRAINS, "daily_retries", "daily_alerts", "limit_alerts"}


def test_daily_runs_batch_pipeline_and_so_do_its_retries() -> None:
    [schedule] = SCHEDULES.values()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.job_name == JOB == "batch_pipeline"
    assert launched(SENSORS["daily_retries"]) == {JOB}
    assert launched(SENSORS["daily_alerts"]) == set()


def test_each_backlog_sensor_runs_its_drain_alone() -> None:
    assert {name: launched(SENSORS[name]) for name in DRAINS} == {name: {job} for name, job in DRAINS.items()}


def test_only_the_schedule_and_its_retries_launch_reports() -> None:
    by_sensors = {name for name, sensor in SENSORS.items() for job in launched(sensor) if reports(job)}
    assert by_sensors == {"daily_retries"}
    assert all(spec.automation_condition is None for spec in defs.resolve_all_asset_specs())


def test_no_two_sensors_of_streams_share_an_asset() -> None:
    kafka, kinesis = (written_assets(job) for job in DRAINS.values())
    assert kafka and kinesis
    assert not kafka & kinesis


def test_two_sensors_share_assets_only_if_one_of_them_is_daily_retries() -> None:
    """Decision 0020: `daily_retries` requests the runs of `daily`; it reads no stream."""
    assets = {
        name: {key for job in launched(sensor) for key in written_assets(job)} for name, sensor in SENSORS.items()
    }
    pairs = combinations(sorted(assets), 2)
    shared = {(one, two): assets[one] & assets[two] for one, two in pairs if assets[one] & assets[two]}
    assert shared == {("daily_retries", "kafka_backlog"): WRITTEN_BY_OPS["kafka_pipeline"]}


def test_no_asset_is_selected_by_two_sensors() -> None:
    targets = [
        key
        for sensor in SENSORS.values()
        for job in launched(sensor)
        for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys
    ]
    assert len(targets) == len(set(targets))


def test_every_job_that_writes_tables_has_the_writer_tag() -> None:
    jobs = {job.name: job for job in defs.resolve_all_job_defs()}
    marked = {name for name, job in jobs.items() if WRITER.items() <= job.tags.items()}
    assert marked == {"batch_pipeline", "kafka_pipeline", "streaming_pipeline", "reports_only", "maintenance"}
    assert {name for name, job in jobs.items() if EXCLUSIVE.items() <= job.tags.items()} == marked


def test_all_of_them_are_on_by_default() -> None:
    assert {sensor.default_status for sensor in SENSORS.values()} == {dg.DefaultSensorStatus.RUNNING}
    assert {schedule.default_status for schedule in SCHEDULES.values()} == {dg.DefaultScheduleStatus.RUNNING}


def test_a_complete_run_materializes_all_results_of_a_day() -> None:
    assert written_assets(JOB) - RESULTS == {
        dg.AssetKey(["ledger", "conservation"]),
        dg.AssetKey(["operations", "health"]),
    }
    assert written_assets(JOB) >= RESULTS


def test_the_launchpad_of_batch_pipeline_offers_a_full_refresh_of_each_table() -> None:
    job = defs.resolve_job_def(JOB)
    offered = {f"cleaned__{entity.name}": {"config": {"full_refresh": False}} for entity in ENTITIES}
    assert dict(job.run_config or {}) == {"ops": offered}
    assert {node.name for node in job.nodes} >= set(offered)


def test_descriptions_have_no_markup_because_the_pages_of_launchers_do_not_render_it() -> None:
    for launcher in (*SENSORS.values(), *SCHEDULES.values()):
        assert launcher.description, launcher.name
        assert "`" not in launcher.description, launcher.name
