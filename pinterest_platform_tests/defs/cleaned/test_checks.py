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
