"""Drains whose process gets a signal."""

import dagster as dg
import pytest

from pinterest_platform.defs.streaming.assets import drain_kinesis
from pinterest_platform.defs.streaming.jobs import kafka_pipeline
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import Json
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings


@pytest.mark.parametrize("route", ["kafka", "kinesis"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), dg.DagsterRunStatus.CANCELED),
        (dg.DagsterExecutionInterruptedError(), dg.DagsterRunStatus.CANCELED),
        (TransientFailure("S3 did not respond.", "Start it."), dg.DagsterRunStatus.FAILURE),
        (MemoryError(), dg.DagsterRunStatus.FAILURE),
    ],
)
def test_a_drain_that_a_signal_stops_is_canceled_and_no_failure(
    route: str, error: BaseException, status: dg.DagsterRunStatus, around: Surroundings, instance: dg.DagsterInstance
) -> None:
    def clean(_: Json) -> Json:
        raise error

    around.engine.responses["clean"] = clean
    around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    around.shards.put(STREAM, 0, b'{"ind":1}')
    options = {"instance": instance, "resources": around.resources, "raise_on_error": False}
    if route == "kafka":
        kafka_pipeline.execute_in_process(**options)
    else:
        dg.materialize([drain_kinesis], **options)
    [run] = instance.get_runs()
    assert run.status is status
    messages = [entry.dagster_event.message for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    notice = "A signal stopped the process of this run. The next run continues its work."
    assert (notice in messages) == (status is dg.DagsterRunStatus.CANCELED)
