"""A table that others damaged is not used, and its stream is still landed: Kafka, S3, Sail, Delta."""

from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable, write_deltalake

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import GEO, PIN, REPORT_KEYS
from pinterest_platform_tests.e2e.harness import Tenant, failures, generated_posts


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}


def test_duplicate_rows_stop_reports_and_drains_until_a_rebuild(
    user: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "0")
    posts = generated_posts(tmp_path, rows=40)
    user.produce_all(posts)
    user.run_well("batch_pipeline")
    table = DeltaTable(user.names.cleaned_uri(PIN))
    write_deltalake(table, table.to_pyarrow_table(), mode="append")
    before = {key: user.report(key) for key in REPORT_KEYS}
    name = f"cleaned/pin, version {DeltaTable(user.names.cleaned_uri(PIN)).version()}: check unique_key failed: 40 rows"
    for job in ("reports_only", "kafka_pipeline"):
        user.produce(GEO, [{"ind": 900, "country": job}])
        assert name in failures(user.run(job)), job
    assert {key: user.report(key) for key in REPORT_KEYS} == before
    user.run_well("batch_pipeline", {"ops": {"cleaned__pin": {"config": {"full_refresh": True}}}})
    user.assert_agrees_with_the_oracle()


def test_a_topic_is_landed_although_a_file_of_its_tables_log_is_missing(user: Tenant, tmp_path: Path) -> None:
    user.produce_all(generated_posts(tmp_path, rows=10))
    user.run_well("batch_pipeline")
    log = sorted(key for key in user.objects(f"delta/cleaned/{user.names.table(GEO)}/_delta_log/") if "json" in key)
    S3ObjectStore(user.settings).delete([log[0]])
    user.produce(GEO, [{"ind": 900, "country": "Chad"}])
    result = user.run("batch_pipeline")
    assert not result.success
    assert {"raw/pin", "raw/geo", "raw/user"} <= materialized(result)
    assert any(b'"ind": 900' in line for line in user.raw_lines(GEO))
