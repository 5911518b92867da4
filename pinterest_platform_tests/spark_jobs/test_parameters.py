"""Parameters and results of the jobs as JSON."""

import json

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.spark_jobs.parameters import (
    Batch,
    CleanParameters,
    CleanResult,
    ReportsParameters,
    VerifyParameters,
)

CLEAN = {"entity": "geo", "stream": "s", "batches": [], "table_uri": "t", "quarantine_uri": "q", "staging_uri": "s"}
VERIFY = {"entity": "geo", "stream": "s", "uris": [], "table_uri": "t", "quarantine_uri": "q"}


def test_parameters_stay_equal_through_json() -> None:
    clean = CleanParameters(
        "geo", "s", (Batch(["a"], {"id": 1}, 2), Batch([])), "t", "q", "s", full_refresh=True, route="kafka"
    )
    assert CleanParameters.from_json(json.loads(json.dumps(clean.to_json()))).batches[0] == Batch(["a"], {"id": 1}, 2)


def test_joined_batches_reach_the_last_positions_and_continue_after_the_first() -> None:
    one = Batch(["a"], {"x": 4, "y": 9}, 5, {"x": 1})
    two = Batch(["b", "c"], {"x": 6, "z": 3}, 5, {"x": 4, "y": 9, "z": 2})
    assert Batch.joined([one, two]) == Batch(["a", "b", "c"], {"x": 6, "y": 9, "z": 3}, after={"x": 1, "z": 2})
    assert Batch.joined([]) == Batch([])


def test_an_unknown_entity_is_refused() -> None:
    with pytest.raises(PermanentFailure, match="There is no entity 'cat'"):
        CleanParameters.from_json({**CLEAN, "route": "kafka", "entity": "cat"})


def test_reports_need_a_table_of_each_entity() -> None:
    with pytest.raises(PermanentFailure, match="instead of pin, geo and user"):
        ReportsParameters.from_json({"cleaned": {}, "reports": {}})


@pytest.mark.parametrize("name", ["route", "source"])
def test_an_unknown_route_is_refused(name: str) -> None:
    with pytest.raises(PermanentFailure, match="pigeon"):
        CleanParameters.from_json({**CLEAN, name: "pigeon"})


def test_the_route_is_also_read_under_its_old_name() -> None:
    assert CleanParameters.from_json({**CLEAN, "source": "kinesis"}).route == "kinesis"
    assert VerifyParameters.from_json({**VERIFY, "source": "kinesis"}).route == "kinesis"
    assert "source" not in CleanParameters.from_json({**CLEAN, "source": "kinesis"}).to_json()


def test_an_empty_result_has_no_records_and_no_positions() -> None:
    assert CleanResult() == CleanResult(0, 0, {}, 0, 0, 0, 0, {}, 0, 0, {})
