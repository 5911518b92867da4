"""The address of a Databricks run is metadata of the materializations of its step."""

import dagster as dg

from pinterest_platform.engines.databricks.step_context import add_asset_metadata, with_step_context

URL = "https://dbc.example/#job/1/run/2"


def add_url() -> None:
    with_step_context(lambda context: add_asset_metadata(context, "databricks_run_of_clean", URL))


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="one")])
def one() -> dg.MaterializeResult:
    add_url()
    return dg.MaterializeResult(metadata={"rows": 1}, check_results=[dg.AssetCheckResult(passed=True)])


@dg.multi_asset(specs=[dg.AssetSpec("two"), dg.AssetSpec("three")])
def several() -> tuple[None, None]:
    add_url()
    return None, None


@dg.asset_check(asset="one")
def checked() -> dg.AssetCheckResult:
    add_url()
    return dg.AssetCheckResult(passed=True)


def test_every_asset_of_the_step_links_to_the_run_next_to_its_own_metadata() -> None:
    definitions = dg.Definitions([one, several], asset_checks=[checked])
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process()
    metadata = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    links = {name: entries["databricks_run_of_clean"].value for name, entries in metadata.items()}
    assert links == dict.fromkeys(("one", "two", "three"), URL)
    assert metadata["one"]["rows"].value == 1


def test_outside_of_assets_nothing_is_added() -> None:
    add_url()
