"""The contract of SparkEngine, on the fake and on the embedded engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pinterest_platform import engines
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Json, SparkEngine, silent
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import VerifyParameters
from pinterest_platform.testing import FakeEngine


def no_table(parameters: Json) -> Json:
    raise PermanentFailure(f"There is no Delta table at {parameters['table_uri']}.", "Create it.")


@pytest.fixture(params=["fake", "sail"])
def engine(request: pytest.FixtureRequest) -> Iterator[SparkEngine]:
    if request.param == "fake":
        fake = FakeEngine()
        fake.responses["verify"] = no_table
        yield fake
        return
    sail = engines.build(Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1"}))
    yield sail
    sail.close()


def test_an_unknown_job_is_a_permanent_failure(engine: SparkEngine) -> None:
    with pytest.raises(PermanentFailure, match="no-such-job"):
        engine.run("no-such-job", {}, silent)


def test_the_failure_of_a_job_is_raised_to_its_caller(engine: SparkEngine, tmp_path: Path) -> None:
    parameters = VerifyParameters(
        "geo", "u.geo", [], str(tmp_path / "table"), str(tmp_path / "quarantine"), route="kafka"
    )
    with pytest.raises(PermanentFailure, match="There is no Delta table at"):
        engine.run("verify", parameters.to_json(), silent)
