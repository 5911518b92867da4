"""The Dagster resources of a run."""

import dagster as dg
import pytest

from pinterest_platform.resources import build


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
