"""The blocking checks of the cleaned tables, run by themselves."""

import dagster as dg

from pinterest_platform.defs.cleaned.checks import CHECKS
from pinterest_platform.ports import TableFacts
from pinterest_platform_tests.defs.surroundings import Surroundings


def test_one_of_the_checks_of_a_table_can_be_run_alone(around: Surroundings) -> None:
    check = dg.AssetCheckKey(dg.AssetKey(["cleaned", "user"]), "unique_key")
    uri = "s3://user-u-bucket/delta/cleaned/u_user_table"
    around.lake.tables[uri] = TableFacts(uri, 7, 8, (("ind", "bigint"),), "id")
    result = dg.materialize(
        CHECKS, resources=around.resources, selection=dg.AssetSelection.checks(check), raise_on_error=False
    )
    assert [evaluation.asset_check_key for evaluation in result.get_asset_check_evaluations()] == [check]


def test_a_failed_blocking_check_fails_its_step_with_asset_check_finding_and_next_step(around: Surroundings) -> None:
    uri = "s3://user-u-bucket/delta/cleaned/u_user_table"
    around.lake.tables[uri] = TableFacts(uri, 7, 8, (("ind", "bigint"),), "id")
    around.engine.responses["verify"] = lambda parameters: around.sound(parameters, duplicate_keys=8)
    keys = [dg.AssetCheckKey(dg.AssetKey(["cleaned", "user"]), name) for name in ("unique_key", "key_not_null")]
    result = dg.materialize(
        CHECKS, resources=around.resources, selection=dg.AssetSelection.checks(*keys), raise_on_error=False
    )
    outcomes = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert outcomes == {"unique_key": False, "key_not_null": True}
    [event] = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.metadata["asset"].value == "cleaned/user"
    assert "cleaned/user, version 7: check unique_key failed: 8 rows beyond the first" in (failure.description or "")
    assert "run batch_pipeline with full_refresh of cleaned__user" in (failure.description or "")
