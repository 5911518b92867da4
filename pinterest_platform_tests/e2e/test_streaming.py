"""The Kinesis route on real parts: streams, S3, Sail, Delta; held against the Kafka route."""

import json
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from pinterest_platform.connections import kinesis_client
from pinterest_platform.definitions import defs
from pinterest_platform.entities import Entity
from pinterest_platform.provisioning.streams import delete_streams, ensure_streams
from pinterest_platform_tests.e2e.harness import Posts, Tenant, failed_checks, generated_posts


@pytest.fixture
def streaming(user: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """A user id with streams of its own, whose drains end as soon as nothing comes."""
    monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "0")
    monkeypatch.setenv("PINTEREST_KINESIS_SHARDS", "2")
    ensure_streams(user.settings)
    return user


def put(user: Tenant, posts: Posts) -> None:
    """Put whole posts on the three streams, partitioned by index."""
    client = kinesis_client(user.settings)
    for entity, values in posts.items():
        records = [
            {"Data": json.dumps(value, ensure_ascii=False).encode(), "PartitionKey": str(value[entity.key_field])}
            for value in values
        ]
        for first in range(0, len(records), 500):
            told = client.put_records(StreamName=user.names.stream(entity), Records=records[first : first + 500])
            assert told["FailedRecordCount"] == 0


def streamed(user: Tenant, entity: Entity) -> list[tuple[object, ...]]:
    rows = DeltaTable(user.names.cleaned_stream_uri(entity)).to_pyarrow_table().to_pylist()
    return sorted(
        (tuple(str(value) for name, value in row.items() if name != "_source") for row in rows), key=lambda row: row[0]
    )


def batched(user: Tenant, entity: Entity) -> list[tuple[object, ...]]:
    rows = DeltaTable(user.names.cleaned_uri(entity)).to_pyarrow_table().to_pylist()
    return sorted(
        (tuple(str(value) for name, value in row.items() if name != "_source") for row in rows), key=lambda row: row[0]
    )


def checks(user: Tenant) -> dg.ExecuteInProcessResult:
    """Every check of the streamed tables."""
    with dg.DagsterInstance.ephemeral() as instance:
        selection = dg.AssetSelection.checks_for_assets(*[["cleaned_stream", entity.value] for entity in Entity])
        job = dg.define_asset_job("look", selection=selection)
        return (
            dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
            .resolve_job_def("look")
            .execute_in_process(instance=instance)
        )


def test_both_routes_give_the_same_rows_and_a_later_post_wins_on_both(streaming: Tenant, tmp_path: Path) -> None:
    posts = generated_posts(tmp_path, rows=300)
    put(streaming, posts)
    streaming.produce_all(posts)
    streaming.run_well("streaming_pipeline")
    streaming.run_well("kafka_pipeline")
    for entity in Entity:
        assert len(streamed(streaming, entity)) == 300
        assert streamed(streaming, entity) == batched(streaming, entity)
    assert not failed_checks(checks(streaming))

    later = {Entity.PIN: [dict(posts[Entity.PIN][3], title="A later word")]}
    put(streaming, later)
    streaming.run_well("streaming_pipeline")
    assert failed_checks(checks(streaming)) == {"cleaned_stream/pin:agrees_with_cleaned"}
    streaming.produce_all(later)
    streaming.run_well("kafka_pipeline")
    assert streamed(streaming, Entity.PIN) == batched(streaming, Entity.PIN)

    objects, versions = (
        streaming.objects("streams/"),
        [DeltaTable(streaming.names.cleaned_stream_uri(entity)).version() for entity in Entity],
    )
    streaming.run_well("streaming_pipeline")
    assert streaming.objects("streams/") == objects
    assert [DeltaTable(streaming.names.cleaned_stream_uri(entity)).version() for entity in Entity] == versions
    delete_streams(streaming.settings)
