"""The Dagster resources of a run."""

import dagster as dg
import pytest

from pinterest_platform.resources import MAX_TICK_IO_SECONDS, build


def test_the_lakehouse_holds_the_resources_of_the_run_and_no_second_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "nowhere:1")
    names = ("settings", "objects", "lake", "engine")

    @dg.op(required_resource_keys={"lakehouse", *names})
    def compare(context: dg.OpExecutionContext) -> None:
        for name in names:
            assert getattr(context.resources.lakehouse, name) is getattr(context.resources, name)

    @dg.job(resource_defs=dict(build()))
    def job() -> None:
        compare()

    assert job.execute_in_process().success


def test_a_call_of_a_sensor_has_less_time_than_a_call_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "nowhere:1")
    settings = {"settings": build()["settings"]}
    with dg.build_resources(settings) as tick:
        assert tick.settings.io_timeout_seconds == MAX_TICK_IO_SECONDS

    @dg.op(required_resource_keys={"settings"})
    def read(context: dg.OpExecutionContext) -> None:
        assert context.resources.settings.io_timeout_seconds == 30

    @dg.job(resource_defs=settings)
    def job() -> None:
        read()

    assert job.execute_in_process().success
