"""What a Databricks run leaves on the materializations of the step that it worked for."""

import dagster as dg

from pinterest_platform.engines.databricks.step_context import in_dagster, tell_assets

URL = "https://dbc.example/#job/1/run/2"


def note() -> None:
    in_dagster(lambda context: tell_assets(context, "databricks_run_of_clean", URL))


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="one")])
def one() -> dg.MaterializeResult:
    note()
    return dg.MaterializeResult(metadata={"rows": 1}, check_results=[dg.AssetCheckResult(passed=True)])


@dg.multi_asset(specs=[dg.AssetSpec("two"), dg.AssetSpec("three")])
def several() -> tuple[None, None]:
    note()
    return None, None


@dg.asset_check(asset="one")
def looked_at() -> dg.AssetCheckResult:
    note()
    return dg.AssetCheckResult(passed=True)


def test_every_asset_of_the_step_leads_to_the_run_beside_its_own_metadata() -> None:
    definitions = dg.Definitions([one, several], asset_checks=[looked_at])
    done = definitions.resolve_implicit_global_asset_job_def().execute_in_process()
    made = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in done.get_asset_materialization_events()
        if event.asset_key
    }
    leads = {name: found["databricks_run_of_clean"].value for name, found in made.items()}
    assert leads == dict.fromkeys(("one", "two", "three"), URL)
    assert made["one"]["rows"].value == 1


def test_outside_of_assets_there_is_nobody_to_tell() -> None:
    note()
