"""The conservation ledger in process, on fakes."""

import logging

import dagster as dg

from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform_tests.defs.surroundings import TOPIC, Surroundings

URI = "s3://user-u-bucket/delta/cleaned/u_user_table"


def balance(around: Surroundings) -> dict[str, dg.AssetCheckEvaluation]:
    done = dg.materialize([conservation], resources=around.resources)
    return {found.check_name: found for found in done.get_asset_check_evaluations()}


def land(around: Surroundings) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', b"junk", b'{"ind":3}')
    around.topics.skip(TOPIC, 0)
    dg.materialize(RAW, resources=around.resources)


def test_the_books_of_landed_and_cleaned_topics_balance(around: Surroundings) -> None:
    land(around)
    around.lake.table_positions[URI] = {f"{TOPIC}/0": 3}
    assert all(found.passed for found in balance(around).values())


def test_a_missing_object_is_named_with_its_range(around: Surroundings) -> None:
    land(around)
    around.topics.append(TOPIC, 0, b'{"ind":5}')
    dg.materialize(RAW, resources=around.resources)
    del around.objects.objects[f"topics/{TOPIC}/partition=0/{TOPIC}+0+{0:019d}.json"]
    found = balance(around)["every_offset_is_accounted_for"]
    assert not found.passed
    assert f"{TOPIC}/0" in str(found.metadata["problems"].value)


def test_landed_objects_that_no_table_took_are_named(around: Surroundings) -> None:
    land(around)
    found = balance(around)["everything_landed_is_cleaned"]
    assert not found.passed
    assert f"{TOPIC}/0:0-3: landed, not cleaned yet" in str(found.metadata["problems"].value)


def test_what_does_not_balance_is_said_in_the_log_of_the_run_too(around: Surroundings) -> None:
    land(around)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([conservation], resources=around.resources, instance=instance)
        errors = [entry.user_message for entry in instance.all_logs(done.run_id) if entry.level == logging.ERROR]
    assert errors == [f"everything_landed_is_cleaned: {TOPIC}/0:0-3: landed, not cleaned yet"]


def test_the_audit_names_records_that_no_table_holds_and_tables_that_hold_a_row_twice(around: Surroundings) -> None:
    from pinterest_platform.defs.operations.checks import every_record_is_in_its_table
    from pinterest_platform.spark_jobs.parameters import VerifyResult

    land(around)
    lost = VerifyResult(3, 0, 2, 1, 0, 0, 0, 0, [], ["0:2"])
    whole = VerifyResult(0, 0, 0, 0, 0, 0, 0, 0, [], [])
    twice = VerifyResult(0, 0, 8, 0, 0, 0, 3, 2, [], [])
    found_in = {"user": lost, "pin": whole, "geo": twice}
    around.engine.answers["verify"] = lambda asked: found_in[asked["entity"]].to_json()
    done = dg.materialize(
        [conservation, every_record_is_in_its_table],
        resources=around.resources,
        selection=dg.AssetSelection.checks(every_record_is_in_its_table),
        raise_on_error=False,
    )
    [found] = done.get_asset_check_evaluations()
    assert not found.passed
    geo = TOPIC.replace("user", "geo")
    assert found.metadata["problems"].value.splitlines() == [
        f"{geo}: its table has 3 rows beyond the first of their key",
        f"{geo}: its table has 2 rows without a key",
        f"{TOPIC}: 1 missing: 0:2",
    ]


def test_the_books_of_a_topic_that_connect_lands_ask_no_broker(around: Surroundings) -> None:
    around.settings = around.settings.model_copy(update={"connect_topics": "pin,geo,user"})
    around.topics.down = True
    assert balance(around)["every_offset_is_accounted_for"].passed
