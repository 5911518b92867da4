"""The Kinesis route on real parts: streams, S3, Sail, Delta; compared with the Kafka route."""

import json
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import ENTITIES, PIN, Entity
from pinterest_platform.definitions import defs
from pinterest_platform.provisioning.streams import delete_streams, ensure_streams
from pinterest_platform_tests.e2e.harness import Posts, Tenant, business_rows, failed_checks, failures, generated_posts


@pytest.fixture
def streaming(user: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Return a user id with streams, whose drains end as soon as nothing arrives."""
    monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "0")
    monkeypatch.setenv("PINTEREST_KINESIS_SHARDS", "2")
    ensure_streams(user.settings)
    return user


def put(user: Tenant, posts: Posts) -> None:
    """Put complete posts on the three streams, partitioned by index."""
    client = kinesis_client(user.settings)
    for entity, values in posts.items():
        records = [
            {"Data": json.dumps(value, ensure_ascii=False).encode(), "PartitionKey": str(value[entity.key_field])}
            for value in values
        ]
        for first in range(0, len(records), 500):
            response = client.put_records(StreamName=user.names.stream(entity), Records=records[first : first + 500])
            assert response["FailedRecordCount"] == 0


def streamed(user: Tenant, entity: Entity) -> list[tuple[object, ...]]:
    return business_rows(user.names.cleaned_stream_uri(entity))


def checks(user: Tenant) -> dg.ExecuteInProcessResult:
    """Run every check of the streamed tables."""
    with dg.DagsterInstance.ephemeral() as instance:
        selection = dg.AssetSelection.checks_for_assets(*[["cleaned_stream", entity.name] for entity in ENTITIES])
        job = dg.define_asset_job("all_checks", selection=selection)
        return (
            dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
            .resolve_job_def("all_checks")
            .execute_in_process(instance=instance)
        )


def test_both_routes_give_the_same_rows_and_a_later_post_wins_on_both(streaming: Tenant, tmp_path: Path) -> None:
    posts = generated_posts(tmp_path, rows=300)
    put(streaming, posts)
    streaming.produce_all(posts)
    streaming.run_well("streaming_pipeline")
    streaming.run_well("kafka_pipeline")
    for entity in ENTITIES:
        assert len(streamed(streaming, entity)) == 300
        assert streamed(streaming, entity) == streaming.business(entity)
    assert not failed_checks(checks(streaming))

    later = {PIN: [dict(posts[PIN][3], title="A later title")]}
    put(streaming, later)
    streaming.run_well("streaming_pipeline")
    assert failed_checks(checks(streaming)) == {"cleaned_stream/pin:agrees_with_cleaned"}
    streaming.produce_all(later)
    streaming.run_well("kafka_pipeline")
    assert streamed(streaming, PIN) == streaming.business(PIN)

    objects, versions = (
        streaming.objects("streams/"),
        [DeltaTable(streaming.names.cleaned_stream_uri(entity)).version() for entity in ENTITIES],
    )
    streaming.run_well("streaming_pipeline")
    assert streaming.objects("streams/") == objects
    assert [DeltaTable(streaming.names.cleaned_stream_uri(entity)).version() for entity in ENTITIES] == versions

    before = {entity: streamed(streaming, entity) for entity in ENTITIES}
    streaming.run_well("streaming_pipeline", {"ops": {"drain_kinesis": {"config": {"full_refresh": True}}}})
    assert {entity: streamed(streaming, entity) for entity in ENTITIES} == before
    rebuilt = [DeltaTable(streaming.names.cleaned_stream_uri(entity)).version() for entity in ENTITIES]
    assert all(new > old for new, old in zip(rebuilt, versions, strict=True))

    put(streaming, later)
    streams = {"streams": [streaming.names.stream(entity) for entity in ENTITIES]}
    assert "holds records that are not landed" in failures(
        streaming.run("deprovision", {"ops": {"delete_streams": {"config": streams}}})
    )
    streaming.run_well("streaming_pipeline")
    objects = streaming.objects()
    streaming.run_well("deprovision", {"ops": {"delete_streams": {"config": streams}}})
    assert delete_streams(streaming.settings) == []
    assert streaming.objects() == objects
