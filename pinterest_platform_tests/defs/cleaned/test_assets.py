"""The cleaned assets in process, on fakes."""

import dagster as dg
import pytest

from pinterest_platform.catalog import USER, Route
from pinterest_platform.defs.cleaned.assets import CLEANED
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.pipelines.clean import Cleaner
from pinterest_platform.ports import Json, TableFacts
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult
from pinterest_platform_tests.defs.surroundings import TOPIC, Surroundings

URI = "s3://user-u-bucket/delta/cleaned/u_user_table"


def materialize(around: Surroundings, **config: object) -> dg.ExecuteInProcessResult:
    run_config = {"ops": {"cleaned__user": {"config": config}}} if config else None
    return dg.materialize(
        [*RAW, *CLEANED],
        resources=around.resources,
        run_config=run_config,
        selection=["raw/user", "cleaned/user"],
        raise_on_error=False,
    )


def answer_clean(around: Surroundings, **counts: object) -> None:
    """Let the engine clean: the table then has the positions of its batches."""

    def response(parameters: Json) -> Json:
        plan = CleanParameters.from_json(parameters)
        positions = {app_id: end for batch in plan.batches for app_id, end in batch.positions.items()}
        around.lake.table_positions[URI] = positions
        around.lake.tables[URI] = TableFacts(URI, 1, 2, (("ind", "bigint"),), bytes=700)
        defaults = {"quarantined": 0, "reasons": {}, "unreadable": {}}
        return CleanResult(
            records=2,
            keys=2,
            new=2,
            changed=0,
            unchanged=0,
            version=1,
            rows=2,
            positions=positions,
            **defaults | counts,
        ).to_json()  # pyright: ignore[reportArgumentType]

    around.engine.responses["clean"] = response


def test_landed_objects_are_passed_to_the_engine_with_their_positions(around: Surroundings) -> None:
    answer_clean(around)
    around.topics.append(TOPIC, 1, b'{"ind":1}', b'{"ind":2}')
    assert materialize(around).success
    [(_, parameters)] = around.engine.calls
    [batch] = CleanParameters.from_json(parameters).batches
    name = f"topics/{TOPIC}/partition=1/{TOPIC}+1+{0:019d}.json"
    size = len(around.objects.read(name))
    assert batch == Batch(
        [f"s3://user-u-bucket/{name}"],
        {f"{TOPIC}/1": 1},
        2,
        size=size,
        kinds={"ind": "integer"},
        object_records=[2],
        latest_ms=[1_700_000_000_001],
    )


def test_without_new_objects_no_job_is_run(around: Surroundings) -> None:
    answer_clean(around)
    around.topics.append(TOPIC, 1, b'{"ind":1}')
    materialize(around)
    assert materialize(around).success
    assert len(around.engine.calls) == 1


def test_full_refresh_cleans_all_objects_again(around: Surroundings) -> None:
    answer_clean(around)
    around.topics.append(TOPIC, 1, b'{"ind":1}')
    runs = [materialize(around), materialize(around, full_refresh=True)]
    rebuilt = [run.asset_materializations_for_node("cleaned__user")[0].metadata["rebuilt"].value for run in runs]
    assert rebuilt == [False, True]
    plans = [CleanParameters.from_json(parameters) for _, parameters in around.engine.calls]
    assert plans[1].full_refresh
    assert plans[1].batches == plans[0].batches


def test_full_refresh_is_refused_if_landed_objects_of_the_table_are_gone(around: Surroundings) -> None:
    answer_clean(around)
    around.topics.append(TOPIC, 1, b'{"ind":1}')
    materialize(around)
    cleaner = Cleaner(USER, Route.KAFKA, around.lakehouse, "run", print)
    around.lake.table_positions[URI] = {f"{TOPIC}/0": -1, f"{TOPIC}/1": 0, f"{TOPIC}/2": 4}
    with pytest.raises(PermanentFailure) as failure:
        cleaner.rebuild()
    assert failure.value.what == (
        f"{URI} has applied {TOPIC}/2 up to 4, and its landed objects end at none: a rebuild would lose rows."
    )
    assert "move the table away" in failure.value.action
    around.lake.table_positions[URI] = {f"{TOPIC}/0": -1, f"{TOPIC}/1": 0}
    cleaner.rebuild()


def test_rejected_and_unreadable_values_warn_and_do_not_fail_the_run(around: Surroundings) -> None:
    answer_clean(around, quarantined=1, reasons={"missing key": 1}, unreadable={"age": 2})
    result = materialize(around)
    assert result.success
    warned = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    assert warned == {"nothing_rejected", "everything_readable"}
    [event] = result.asset_materializations_for_node("cleaned__user")
    metadata = {name: value.value for name, value in event.metadata.items()}
    assert metadata["dagster/row_count"] == 2
    assert metadata["unreadable_values"] == 2
    assert metadata["dagster/uri"] == URI
    assert metadata["preview"] == f"not read: There is no Delta table at {URI}."


def test_the_preview_shows_five_rows_and_names_the_columns_of_personal_data_that_it_lacks(around: Surroundings) -> None:
    answer_clean(around)
    around.lake.content[URI] = [{"ind": n, "user_name": "Ann B", "age": 30, "_source": {}} for n in range(6)]
    [event] = materialize(around).asset_materializations_for_node("cleaned__user")
    preview = event.metadata["preview"]
    assert isinstance(preview, dg.TableMetadataValue)
    assert [record.data for record in preview.records] == [{"ind": n} for n in range(5)]
    note = event.metadata["preview_note"].value
    assert note == "Left out, because of personal data: `user_name`, `age`, `date_joined`."
    assert event.metadata["dagster/size_bytes"].value == 700


def test_a_failure_of_the_engine_names_the_asset(around: Surroundings) -> None:
    result = materialize(around)
    [event] = [event for event in result.all_events if event.is_step_failure]
    assert "cleaned/user: The fake engine has no response to clean." in str(event.step_failure_data.user_failure_data)
