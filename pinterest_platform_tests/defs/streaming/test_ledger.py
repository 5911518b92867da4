"""The ledger's table at the end of a drain of Kafka, on fakes."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg
import pytest

from pinterest_platform.defs.operations import assets
from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform.defs.streaming.jobs import kafka_pipeline
from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.draining import ledger as draining_ledger
from pinterest_platform.orchestration.results.health import ledger_concern
from pinterest_platform.orchestration.results.last_results import NOT_EVALUATED, last_evaluated
from pinterest_platform.orchestration.results.ledger import LANDED_CHECK, LEDGER, last_full_run
from pinterest_platform_tests.defs.streaming.test_jobs import cleaned
from pinterest_platform_tests.defs.surroundings import TOPIC, Surroundings, check_status
from pinterest_platform_tests.orchestration.results.test_last_results import plan


class Ledger:
    """The ledger after a run that balanced it, and drains after that."""

    def __init__(self, around: Surroundings, instance: dg.DagsterInstance) -> None:
        self.around, self.instance = around, instance
        around.engine.responses["clean"] = lambda parameters: cleaned(around, parameters)
        around.settings = around.settings.model_copy(update={"drain_idle_seconds": 0.0})
        around.topics.append(TOPIC, 0, b'{"ind":1}')

    def run(self) -> None:
        resources, instance = self.around.resources, self.instance
        kafka_pipeline.execute_in_process(resources=resources, instance=instance)
        dg.materialize([*RAW, conservation], resources=resources, instance=instance)

    def drain(self) -> tuple[Mapping[str, dg.MetadataValue] | None, dict[str, dg.AssetCheckEvaluation]]:
        """Land a record; return the metadata of the ledger that the drain reports, and its checks."""
        self.around.topics.append(TOPIC, 0, b'{"ind":2}')
        run = kafka_pipeline.execute_in_process(resources=self.around.resources, instance=self.instance)
        assert run.success
        entries = self.instance.all_logs(run.run_id)
        assert not [entry for entry in entries if "were not read in time" in entry.user_message]
        tables = [entry.asset_materialization for entry in entries if entry.asset_materialization]
        checks = [entry.asset_check_evaluation for entry in entries if entry.asset_check_evaluation]
        table = next((table.metadata for table in tables if table.asset_key == LEDGER), None)
        return table, {check.check_name: check for check in checks if check.asset_key == LEDGER}


@pytest.fixture
def ledger(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setattr(draining_ledger, "REFRESH_SECONDS", 0.0)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ledger(around, instance)


def test_a_drain_refreshes_the_table_and_none_of_its_checks_is_older(ledger: Ledger) -> None:
    ledger.run()
    ledger.around.objects.calls.clear()
    table, checks = ledger.drain()
    assert table is not None and "objects_read" not in table
    assert (table["accounted"].value, table["difference"].value) == (2, 0)
    assert {check.name for check in conservation.check_specs} == checks.keys()
    assert all(check.passed for check in checks.values())
    assert "last_run" in checks["everything_landed_is_cleaned"].metadata
    assert "last_run" not in checks[LANDED_CHECK].metadata
    read = [key for call, key in ledger.around.objects.calls if call == "read" and key.startswith("topics/")]
    assert len(read) <= 1, "cleaning alone reads the new object"


def test_the_time_of_the_last_ledger_that_read_objects_remains(ledger: Ledger) -> None:
    ledger.run()
    full = ledger.instance.get_latest_materialization_event(LEDGER)
    assert full is not None
    for _ in range(2):
        ledger.drain()
        refreshed = ledger.instance.get_latest_materialization_event(LEDGER)
        assert refreshed is not None and refreshed.timestamp > full.timestamp
        assert last_full_run(refreshed) == full.timestamp


def test_a_drain_names_what_manifests_show(ledger: Ledger) -> None:
    ledger.run()
    assert ledger.drain()[1][LANDED_CHECK].passed
    key = min(key for key in ledger.around.objects.objects if key.startswith("topics/"))
    ledger.around.objects.objects[key].metadata["records"] = "7"
    table, checks = ledger.drain()
    assert table is not None and not checks[LANDED_CHECK].passed
    assert key in str(checks[LANDED_CHECK].metadata["problems"].value)
    assert ledger.drain() == (None, {}), "only a run that reads the objects can find that the ledger balances"


def test_a_drain_after_an_outage_refreshes_a_ledger_that_was_not_evaluated(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.run()
    draining_ledger.REFRESH_SECONDS = 900.0
    with monkeypatch.context() as outage:
        outage.setattr(assets, "daily_ledgers", silent)
        failed = dg.materialize(
            [conservation], resources=ledger.around.resources, instance=ledger.instance, raise_on_error=False
        )
    assert not failed.success
    assert check_status(ledger.instance, LEDGER, LANDED_CHECK) == "SUCCEEDED"
    last, _ = last_evaluated(ledger.instance, dg.AssetCheckKey(LEDGER, LANDED_CHECK)) or pytest.fail("no result")
    note = "not evaluated in this run, this is the last result: an outage ended the run first"
    assert last.metadata["note"].value == note
    assert "last_run" in last.metadata and "The store did not respond." in str(last.metadata[NOT_EVALUATED].value)
    assert ledger_concern(ledger.instance).finding == "not evaluated: The store did not respond."
    refreshed = ledger.drain()[1].values()
    assert len(refreshed) == 6 and all(check.passed and NOT_EVALUATED not in check.metadata for check in refreshed)
    assert ledger_concern(ledger.instance).state == "ok"
    assert ledger.drain() == (None, {}), "it is recent again"


def test_a_ledger_that_a_run_computes_now_is_left_to_that_run(ledger: Ledger) -> None:
    ledger.run()
    check = dg.AssetCheckKey(LEDGER, LANDED_CHECK)
    run_id = plan(ledger.instance, dg.DagsterRunStatus.STARTED, check)
    assert ledger.drain() == (None, {})
    ledger.instance.report_run_failed(ledger.instance.get_run_by_id(run_id) or pytest.fail("no run"))
    assert ledger.drain() != (None, {}), "it was not computed"


def silent(*_: object) -> None:
    raise TransientFailure("The store did not respond.", "Start it.")


def never_computed(_: Ledger) -> None:
    """Leave the instance without a ledger."""


def recent(ledger: Ledger) -> None:
    ledger.run()
    draining_ledger.REFRESH_SECONDS = 900.0


def large(ledger: Ledger) -> None:
    ledger.run()
    draining_ledger.MOST_OBJECTS = 0


@pytest.mark.parametrize("prepare", [never_computed, recent, large])
def test_a_table_that_is_missing_recent_or_large_is_left_to_the_ledger(
    ledger: Ledger, prepare: Callable[[Ledger], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining_ledger, "MOST_OBJECTS", draining_ledger.MOST_OBJECTS)
    prepare(ledger)
    assert ledger.drain() == (None, {})


def test_a_broker_that_does_not_answer_then_does_not_fail_the_drain(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.run()

    def fail(*_: object) -> None:
        raise draining_ledger.PlatformFailure("Kafka did not respond.", "Start it.")

    monkeypatch.setattr(draining_ledger, "kafka_ledgers", fail)
    assert ledger.drain() == (None, {})
