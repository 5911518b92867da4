"""Drains, maintenance and the audit on real parts: Kinesis, S3, Sail, Delta."""

from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from pinterest_platform import engines
from pinterest_platform.adapters.kinesis import KinesisShardLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import ENTITIES, GEO, PIN, Entity
from pinterest_platform.delta.lake import DeltaLake
from pinterest_platform.failures import TransientFailure
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.landers import KinesisLander
from pinterest_platform.pipelines.micro_batches import COMPACT_AT, EntityPipeline
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.provisioning.streams import delete_streams
from pinterest_platform_tests.e2e.harness import Tenant, failed_checks, generated_posts
from pinterest_platform_tests.e2e.test_streaming import put, streaming

__all__ = ["streaming"]


def posts(first: int, last: int) -> dict[Entity, list[dict[str, object]]]:
    return {GEO: [{"ind": ind, "country": f"country {ind}"} for ind in range(first, last)]}


def observed(result: dg.ExecuteInProcessResult) -> set[str]:
    return {
        event.asset_observation_data.asset_observation.asset_key.to_user_string()
        for event in result.filter_events(lambda event: event.event_type is dg.DagsterEventType.ASSET_OBSERVATION)
    }


def test_a_drain_compacts_its_files_and_fails_if_its_table_was_deleted(streaming: Tenant) -> None:
    settings, log = streaming.settings, list[str]()
    store, lake, engine = S3ObjectStore(settings), DeltaLake(settings), engines.build(settings)
    lakehouse, shards = Lakehouse(settings, store, lake, engine), KinesisShardLog(settings)

    def pipeline() -> EntityPipeline:
        return EntityPipeline(GEO, KinesisLander(shards, stream_options(settings)), lakehouse, "run", log.append)

    uri = settings.names.cleaned_stream_uri(GEO)
    draining = pipeline()
    for turn in range(COMPACT_AT + 3):
        put(streaming, posts(turn, turn + 2))
        assert draining.run_batch() > 0
    assert len(DeltaTable(uri).file_uris()) < COMPACT_AT, log
    assert any("small files compacted" in line for line in log)
    assert sorted(row["ind"] for row in lake.rows(uri)) == list(range(COMPACT_AT + 4))

    store.delete(key for key in streaming.objects("delta/cleaned_stream/"))
    put(streaming, posts(50, 52))
    with pytest.raises(TransientFailure, match="was rebuilt from fewer objects"):
        draining.run_batch()
    assert pipeline().run_batch() > 0
    assert sorted(row["ind"] for row in lake.rows(uri)) == [*range(COMPACT_AT + 4), 50, 51]
    engine.close()
    delete_streams(settings)


def test_audit_and_drains_succeed_after_maintenance(streaming: Tenant, tmp_path: Path) -> None:
    all_posts = generated_posts(tmp_path, rows=60)
    streaming.produce_all(all_posts)
    for part in range(2):
        put(streaming, {entity: values[30 * part : 30 * part + 30] for entity, values in all_posts.items()})
        streaming.run_well("streaming_pipeline")
    streaming.run_well("batch_pipeline")
    before = streaming.objects("delta/")
    dry = streaming.run_well("maintenance", {"ops": {"look_after_the_lake": {"config": {"dry_run": True}}}})
    assert not observed(dry)
    assert streaming.objects("delta/") == before
    result = streaming.run_well("maintenance")
    assert observed(result) == {f"cleaned_stream/{entity.name}" for entity in ENTITIES}
    assert streaming.objects("delta/").keys() > before.keys()
    compacted = streaming.objects("delta/")
    assert not observed(streaming.run_well("maintenance"))
    assert streaming.objects("delta/") == compacted
    put(streaming, {PIN: [dict(all_posts[PIN][3], title="A later title")]})
    streaming.run_well("streaming_pipeline")
    assert not failed_checks(streaming.run_well("audit"))
    assert "A later title" in [
        row["title"] for row in DeltaLake(streaming.settings).rows(streaming.names.cleaned_stream_uri(PIN))
    ]
    delete_streams(streaming.settings)
