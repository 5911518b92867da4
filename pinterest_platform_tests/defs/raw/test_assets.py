"""The raw assets in process, on fakes."""

import dagster as dg
import pytest

from pinterest_platform.catalog import USER
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Record
from pinterest_platform_tests.defs.surroundings import TOPIC, Surroundings


def materialize(around: Surroundings, **config: object) -> dg.ExecuteInProcessResult:
    run_config = {"ops": {"raw__user": {"config": config}}} if config else None
    return dg.materialize(
        RAW, resources=around.resources, run_config=run_config, selection=["raw/user"], raise_on_error=False
    )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    [event] = result.asset_materializations_for_node("raw__user")
    return {name: value.value for name, value in event.metadata.items()}


def test_records_are_landed_once_and_counted(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', b'{"ind":2}')
    around.topics.append(TOPIC, 2, b'{"ind":3}')
    result = materialize(around)
    assert result.success
    assert metadata(result)["records"] == 3
    repeated = materialize(around)
    assert metadata(repeated)["objects"] == 0
    sizes = [len(stored.body) for key, stored in around.objects.objects.items() if key.startswith("topics/")]
    for run in (result, repeated):
        assert (metadata(run)["stored_objects"], metadata(run)["dagster/size_bytes"]) == (2, sum(sizes))


def test_a_record_that_is_not_accepted_warns_and_does_not_fail_the_run(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b"no json", b'{"ind":2}')
    result = materialize(around)
    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in checks.items()} == {
        "nothing_quarantined": False,
        "times_plausible": True,
    }
    assert checks["nothing_quarantined"].severity is dg.AssetCheckSeverity.WARN
    assert metadata(result)["quarantined"] == 1


def test_an_implausible_time_warns_and_names_its_partition(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    around.topics.topics[TOPIC].partitions[2].entries.append(Record(0, 1_700_000_000, b'{"ind":2}'))
    result = materialize(around)
    assert result.success
    [check] = [
        evaluation for evaluation in result.get_asset_check_evaluations() if evaluation.check_name == "times_plausible"
    ]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["partitions"].value == "2"
    assert metadata(result)["implausible_times"] == 1


def test_a_failure_names_the_asset_the_cause_and_the_next_step(around: Surroundings) -> None:
    around.topics.delete(TOPIC)
    result = materialize(around)
    assert not result.success
    [event] = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.user_failure_data is not None
    failure = event.step_failure_data.user_failure_data
    assert failure.description is not None
    assert failure.description.startswith("raw/user: There is no topic u.user.")
    assert {"cause", "next_step", "kind"} <= set(failure.metadata)


def test_lost_offsets_fail_until_their_range_is_accepted(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    materialize(around)
    around.topics.append(TOPIC, 0, b'{"ind":2}', b'{"ind":3}', b'{"ind":4}')
    around.topics.trim(TOPIC, 0, 3)
    assert not materialize(around).success
    result = materialize(around, accept_gap=[f"{TOPIC}/0:1-2"])
    assert result.success
    assert metadata(result)["records"] == 1


@pytest.mark.parametrize("text", ["", "u.user", "u.user/0:5", "u.user/0:5-4", "u.user/x:1-2"])
def test_a_text_that_is_no_range_is_refused(around: Surroundings, text: str) -> None:
    assert not materialize(around, accept_gap=[text]).success


def test_a_topic_is_landed_although_the_positions_of_its_table_cannot_be_read(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    materialize(around)
    around.lake.unreadable[around.settings.names.cleaned_uri(USER)] = PermanentFailure("Half a log.", "Restore it.")
    around.topics.append(TOPIC, 0, b'{"ind":2}')
    result = materialize(around)
    assert result.success
    assert metadata(result)["records"] == 1
    assert metadata(result)["positions_of_table"] == "not read: Half a log. Restore it."


def test_a_partition_without_objects_is_not_landed_if_the_positions_of_its_table_cannot_be_read(
    around: Surroundings,
) -> None:
    around.lake.unreadable[around.settings.names.cleaned_uri(USER)] = PermanentFailure("Half a log.", "Restore it.")
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    result = materialize(around)
    [event] = [event for event in result.all_events if event.is_step_failure]
    failure = str(event.step_failure_data.user_failure_data)
    assert "u.user/0: the position to land from is unknown" in failure
    assert "Half a log." in failure
    assert not [key for key in around.objects.objects if key.startswith("topics/")]


def test_a_recreated_topic_is_landed_if_its_run_config_permits_it(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    materialize(around)
    around.topics.delete(TOPIC)
    around.topics.create(TOPIC, partitions=3)
    around.topics.append(TOPIC, 0, b'{"ind":2}')
    assert not materialize(around).success
    assert not materialize(around, new_epoch="fail").success
    with pytest.raises(dg.DagsterInvalidConfigError, match="new_epoch"):
        materialize(around, new_epoch="ignore")
    assert metadata(materialize(around, new_epoch="land"))["records"] == 1


def test_an_empty_new_epoch_is_the_setting(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    assert materialize(around, new_epoch="").success
    around.topics.delete(TOPIC)
    around.topics.create(TOPIC, partitions=3)
    around.topics.append(TOPIC, 0, b'{"ind":2}')
    assert not materialize(around, new_epoch="").success
    around.settings = around.settings.model_copy(update={"new_epoch": "land"})
    assert metadata(materialize(around, new_epoch=""))["records"] == 1
