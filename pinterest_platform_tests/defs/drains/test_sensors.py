"""The Kafka backlog sensor on a real, ephemeral instance, everything outside in memory."""

import json
from collections.abc import Iterator

import dagster as dg
import pytest

from pinterest_platform.dagster_support.workers import WORKER_TAG, claim
from pinterest_platform.defs.drains.jobs import kafka_pipeline
from pinterest_platform.defs.drains.sensors import kafka_backlog
from pinterest_platform.failures import TransientFailure
from pinterest_platform_tests.defs.surroundings import TOPIC, Surroundings

URI = "s3://user-u-bucket/delta/cleaned/u_user_table"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(around: Surroundings, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    resources = {name: around.resources[name] for name in ("settings", "topics", "objects", "lake")}
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources=resources, sensor_name="kafka_backlog"
    )
    told = kafka_backlog(context)
    assert isinstance(told, dg.SensorResult)
    return told


def run_of(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tags: dict[str, str] | None = None) -> str:
    return instance.create_run_for_job(kafka_pipeline, status=status, tags=tags).run_id


def test_records_that_are_not_landed_request_one_run_and_are_observed(
    around: Surroundings, instance: dg.DagsterInstance
) -> None:
    around.topics.append(TOPIC, 1, b'{"ind":1}', b'{"ind":2}')
    told = tick(around, instance)
    assert told.run_requests is not None
    assert len(told.run_requests) == 1
    assert told.run_requests[0].run_config == {}
    observed = {event.asset_key.to_user_string(): event.metadata["not_landed"].value for event in told.asset_events}
    assert observed == {"kafka/pin": 0, "kafka/geo": 0, "kafka/user": 2}


def test_what_did_not_change_is_not_observed_again(around: Surroundings, instance: dg.DagsterInstance) -> None:
    first = tick(around, instance)
    assert tick(around, instance, first.cursor).asset_events == []


def test_the_cursor_holds_nothing_that_decides_what_is_landed(
    around: Surroundings, instance: dg.DagsterInstance
) -> None:
    around.topics.append(TOPIC, 1, b'{"ind":1}')
    told = tick(around, instance, cursor=json.dumps({"user": [1, 0]}))
    assert told.run_requests


def test_without_backlog_it_says_why_it_skips(around: Surroundings, instance: dg.DagsterInstance) -> None:
    told = tick(around, instance)
    assert told.skip_reason is not None
    assert "to its end" in str(told.skip_reason.skip_message)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_it_skips_while_a_run_of_its_route_lives(
    around: Surroundings, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    around.topics.append(TOPIC, 1, b'{"ind":1}')
    run_id = run_of(instance, status)
    if status is dg.DagsterRunStatus.STARTED:
        claim(instance, run_id)
    told = tick(around, instance)
    assert told.skip_reason is not None
    assert run_id in str(told.skip_reason.skip_message)


def test_a_run_whose_process_is_gone_is_failed_and_followed_by_another(
    around: Surroundings, instance: dg.DagsterInstance
) -> None:
    around.topics.append(TOPIC, 1, b'{"ind":1}')
    run_id = run_of(instance, dg.DagsterRunStatus.STARTED)
    claim(instance, run_id)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    host, pid, created = run.tags[WORKER_TAG].split("|")
    instance.add_run_tags(run_id, {WORKER_TAG: f"{host}|{pid}|{float(created) - 1:.2f}"})
    told = tick(around, instance)
    assert told.run_requests
    dead = instance.get_run_by_id(run_id)
    assert dead is not None
    assert dead.status is dg.DagsterRunStatus.FAILURE


def test_landed_objects_that_no_table_took_request_a_run(around: Surroundings, instance: dg.DagsterInstance) -> None:
    from pinterest_platform.landing import land_topic

    around.topics.append(TOPIC, 1, b'{"ind":1}')
    land_topic(around.topics, around.objects, TOPIC)
    assert tick(around, instance).run_requests
    around.lake.taken[URI] = {f"{TOPIC}/1": 0}
    assert not tick(around, instance).run_requests


def test_a_broker_that_does_not_answer_is_not_an_empty_one(around: Surroundings, instance: dg.DagsterInstance) -> None:
    around.topics.down = True
    with pytest.raises(dg.Failure) as failure:
        tick(around, instance)
    assert isinstance(failure.value.__cause__, TransientFailure)
