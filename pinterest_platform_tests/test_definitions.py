"""The asset graph, and that loading it has no side effects."""

import subprocess
import sys
import textwrap
from typing import get_args

import dagster as dg
import pytest

from pinterest_platform.catalog import REPORT_KEYS
from pinterest_platform.definitions import defs
from pinterest_platform.defs.raw.assets import LandingConfig
from pinterest_platform.defs.streaming.assets import DrainConfig
from pinterest_platform.orchestration.runs import JOB_TAG
from pinterest_platform.orchestration.workers import AD_HOC_JOB
from pinterest_platform.pipelines.options import NewEpoch

ENTITIES = ("pin", "geo", "user")
GRAPH = defs.resolve_asset_graph()


def keys(*parts: str) -> set[dg.AssetKey]:
    return {dg.AssetKey([parts[0], name]) for name in parts[1:]}


MATERIALIZED = (
    keys("raw", *ENTITIES)
    | keys("cleaned", *ENTITIES)
    | keys("reports", *REPORT_KEYS, "page")
    | keys("ledger", "conservation")
    | keys("operations", "health")
)
STREAMED = keys("raw_stream", *ENTITIES) | keys("cleaned_stream", *ENTITIES)


def test_the_graph_has_exactly_these_assets() -> None:
    assert GRAPH.materializable_asset_keys == MATERIALIZED | STREAMED


def test_the_external_assets_are_the_streams_so_no_dependency_is_mistyped() -> None:
    assert GRAPH.external_asset_keys == keys("kafka", *ENTITIES) | keys("kinesis", *ENTITIES)


@pytest.mark.parametrize("entity", ENTITIES)
def test_each_entity_flows_from_its_topic_to_its_table(entity: str) -> None:
    assert GRAPH.get(dg.AssetKey(["raw", entity])).parent_keys == keys("kafka", entity)
    assert GRAPH.get(dg.AssetKey(["cleaned", entity])).parent_keys == keys("raw", entity)
    assert GRAPH.get(dg.AssetKey(["raw_stream", entity])).parent_keys == keys("kinesis", entity)
    assert GRAPH.get(dg.AssetKey(["cleaned_stream", entity])).parent_keys == keys("raw_stream", entity)


def test_each_report_depends_on_the_tables_that_it_joins() -> None:
    parents = {
        key: {parent.path[1] for parent in GRAPH.get(dg.AssetKey(["reports", key])).parent_keys} for key in REPORT_KEYS
    }
    assert parents["users_joined_by_year"] == {"user"}
    assert parents["top_poster_by_country"] == {"pin", "geo"}
    assert parents["median_followers_by_age_group"] == {"pin", "user"}
    assert GRAPH.get(dg.AssetKey(["reports", "page"])).parent_keys == keys("reports", *REPORT_KEYS)


def test_every_table_has_a_blocking_check() -> None:
    blocking = {key.asset_key for key in GRAPH.asset_check_keys if GRAPH.get_check_spec(key).blocking}
    assert blocking >= keys("cleaned", *ENTITIES) | keys("cleaned_stream", *ENTITIES) | keys("reports", *REPORT_KEYS)


def test_every_asset_follows_the_policy() -> None:
    groups = {"kafka": "topics", "kinesis": "streams", "ledger": "operations"}
    for spec in defs.resolve_all_asset_specs():
        layer = spec.key.path[0]
        assert spec.group_name == groups.get(layer, layer), spec.key
        assert spec.owners, spec.key
        assert spec.description, spec.key


ROUTES = {"raw": "kafka", "cleaned": "kafka", "raw_stream": "kinesis", "cleaned_stream": "kinesis"}
LAYERS = {"kafka": "source", "kinesis": "source", "ledger": "operations", "reports": "report"}


def test_every_asset_has_tags_kinds_and_an_address() -> None:
    for spec in defs.resolve_all_asset_specs():
        first, name = spec.key.path
        route = first if first in ("kafka", "kinesis") else ROUTES.get(first)
        assert spec.tags["layer"] == LAYERS.get(first, first.removesuffix("_stream")), spec.key
        assert spec.tags.get("route") == route, spec.key
        assert spec.kinds, spec.key
        assert ("dagster/uri" in spec.metadata) == (first in {*ROUTES, "reports"}), spec.key
        has_table = first in ("cleaned", "cleaned_stream") or (first == "reports" and name != "page")
        assert ("dagster/relation_identifier" in spec.metadata) == has_table, spec.key
        # External assets have no code.
        assert ("dagster/code_references" in spec.metadata) == (spec.key not in GRAPH.external_asset_keys), spec.key


def test_descriptions_name_the_real_topic_stream_and_table() -> None:
    script = (
        "from pinterest_platform.definitions import defs\n"
        "for spec in defs.resolve_all_asset_specs():\n"
        "    print(spec.description, spec.metadata.get('dagster/uri'))"
    )
    environment = {"PINTEREST_USER_ID": "eve", "PINTEREST_BUCKET": "the-bucket"}
    process = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert process.returncode == 0, process.stderr
    for name in ("`eve.pin`", "`streaming-eve-pin`", "`eve_pin_table`", "s3://the-bucket/topics/eve.pin/"):
        assert name in process.stdout
    assert "<user id>" not in process.stdout
    assert "Warning" not in process.stderr


def test_the_jobs_are_these() -> None:
    names = {job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
    assert names == {
        "audit",
        "batch_pipeline",
        "kafka_pipeline",
        "streaming_pipeline",
        "reports_only",
        "maintenance",
        "provision",
        "deprovision",
        "cancel_daily_retries",
    }


def test_every_job_has_the_tag_by_which_alerts_recognize_the_runs_of_the_platform() -> None:
    assert [job.name for job in defs.resolve_all_job_defs() if job.name != AD_HOC_JOB and JOB_TAG not in job.tags] == []


def test_every_asset_and_every_check_that_needs_no_materialization_can_be_selected_alone() -> None:
    job, graph = defs.resolve_implicit_global_asset_job_def(), defs.resolve_asset_graph()
    for key in graph.executable_asset_keys:
        job.get_subset(asset_selection={key})
    with_assets = {check for key in graph.executable_asset_keys for check in graph.get(key).assets_def.check_keys}
    for check in graph.asset_check_keys - with_assets:
        job.get_subset(asset_selection=set(), asset_check_selection={check})


def test_batch_pipeline_materializes_everything_from_raw_to_page() -> None:
    assert defs.resolve_job_def("batch_pipeline").asset_layer.executable_asset_keys == MATERIALIZED


def test_streaming_pipeline_materializes_the_kinesis_route_alone() -> None:
    assert defs.resolve_job_def("streaming_pipeline").asset_layer.executable_asset_keys == STREAMED


def test_definitions_load_without_environment_network_or_slow_packages() -> None:
    script = textwrap.dedent(
        """
        import socket, sys
        def refuse(*args, **kwargs):
            raise AssertionError("a socket was opened while definitions load")
        socket.socket.connect = refuse
        socket.getaddrinfo = refuse
        from pinterest_platform.definitions import defs
        assert defs.resolve_all_asset_specs()
        slow = ("dagster_aws", "dagster_pyspark", "dagster_databricks", "pyspark", "pysail",
                "boto3", "confluent_kafka", "deltalake", "pandas", "pyarrow", "pygal", "pinterest_platform.testing")
        print([name for name in slow if name in sys.modules])
        """
    )
    process = subprocess.run([sys.executable, "-c", script], env={}, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == "[]"


@pytest.mark.parametrize("config", [LandingConfig, DrainConfig])
def test_the_launchpad_describes_each_choice_of_new_epoch(config: type[dg.Config]) -> None:
    description = config.model_fields["new_epoch"].description or ""
    choices = [choice for choice in get_args(NewEpoch) if choice]
    assert choices and all(f"`{choice}`" in description for choice in choices)
    assert "'' is the setting PINTEREST_NEW_EPOCH" in description
