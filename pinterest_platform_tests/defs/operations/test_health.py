"""The health report in process, on fakes."""

import time
from collections.abc import Iterator
from typing import NoReturn

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from pinterest_platform.catalog import USER, Route
from pinterest_platform.defs.operations.assets import conservation, health
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform.failures import PermanentFailure, no_response
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.orchestration.results.health import HEALTH, HEALTH_COLUMNS
from pinterest_platform.pipelines.health import QUARANTINE_NUMBERS
from pinterest_platform.ports import TableFacts
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

SUCCESS = dg.DagsterRunStatus.SUCCESS

CONCERNS = {
    "last good run",
    "ledger",
    "kafka lag",
    "kinesis lag",
    "kafka retention",
    "kinesis retention",
    "quarantine",
    "tables",
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def report(around: Surroundings, instance: dg.DagsterInstance) -> tuple[dict[str, dict[str, str]], dict[str, float]]:
    """Materialize the report; return its rows by concern, and its numbers."""
    result = dg.materialize([health], resources=around.resources, instance=instance)
    [event] = result.asset_materializations_for_node("operations__health")
    table = event.metadata["health"]
    assert isinstance(table, dg.TableMetadataValue)
    rows = {str(row.data["concern"]): {name: str(value) for name, value in row.data.items()} for row in table.records}
    numbers = {
        name: float(value.value or 0) for name, value in event.metadata.items() if isinstance(value.value, (int, float))
    }
    return rows, numbers


def test_each_concern_has_a_row_a_next_step_and_numbers(around: Surroundings, instance) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    rows, numbers = report(around, instance)
    assert rows.keys() == CONCERNS
    assert all(row.keys() == HEALTH_COLUMNS.keys() for row in rows.values()), "each column is described"
    assert rows["kafka lag"]["state"] == "warning", "the record is of 2023"
    assert rows["last good run"]["next_step"] == "Run batch_pipeline."
    assert rows["ledger"]["state"] == "unknown"
    assert rows["tables"]["state"] == rows["quarantine"]["state"] == rows["kinesis lag"]["state"] == "ok"
    assert all((row["state"] == "ok") == (row["next_step"] == "none") for row in rows.values())
    assert numbers["kafka_not_landed"] == 1
    assert numbers["kafka_lag_seconds"] > 60


def test_counts_are_whole_numbers_and_hours_are_rounded(around: Surroundings, instance) -> None:
    instance.add_run(dg.DagsterRun(job_name="batch_pipeline", run_id=make_new_run_id(), status=SUCCESS))
    for _ in range(2):  # the second report reads numbers of the first one
        dg.materialize([health], resources=around.resources, instance=instance)
    event = instance.get_latest_materialization_event(HEALTH)
    assert event and event.asset_materialization
    metadata = event.asset_materialization.metadata
    hours = metadata["hours_since_good_run"].value
    assert isinstance(hours, float) and hours == round(hours, 2)
    counts = {"kafka_not_landed", "kinesis_not_landed", *QUARANTINE_NUMBERS, "quarantine_growth", "unsound_tables"}
    assert {type(metadata[name].value) for name in counts} == {int}


def test_durations_are_in_words(around: Surroundings, instance) -> None:
    instance.add_run(dg.DagsterRun(job_name="batch_pipeline", run_id=make_new_run_id(), status=SUCCESS))
    rows, numbers = report(around, instance)
    assert rows["last good run"]["finding"].startswith("batch_pipeline succeeded ")
    assert rows["last good run"]["finding"].endswith((" second ago", " seconds ago"))
    text = "at least 24 hours until retention can delete a record that is not landed"
    assert rows["kinesis retention"]["finding"] == text
    assert numbers["kinesis_headroom_seconds"] == pytest.approx(86_400, abs=600)


def test_streams_that_do_not_exist_are_one_sentence(
    around: Surroundings, instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(stream: str, *_: object) -> NoReturn:
        raise PermanentFailure(f"Kinesis at x:2 has no stream {stream}.", "Create it.", stream)

    monkeypatch.setattr(around.shards, "describe", absent)
    rows, _ = report(around, instance)
    for concern in ("kinesis lag", "kinesis retention"):
        assert rows[concern]["finding"] == (
            "Kinesis at x:2 has no stream streaming-u-pin, streaming-u-geo, streaming-u-user."
        )


def test_the_first_run_is_no_warning_while_it_runs_unless_one_failed_before(around: Surroundings, instance) -> None:
    def last_good_run(status: dg.DagsterRunStatus) -> tuple[str, str]:
        instance.add_run(dg.DagsterRun(job_name="batch_pipeline", run_id=make_new_run_id(), status=status))
        row = report(around, instance)[0]["last good run"]
        return row["state"], row["finding"]

    assert last_good_run(dg.DagsterRunStatus.STARTED) == ("ok", "the first run of batch_pipeline has not ended yet")
    assert last_good_run(dg.DagsterRunStatus.FAILURE) == ("warning", "no run of batch_pipeline has succeeded yet")


def test_it_is_materialized_even_if_everything_outside_is_down(
    around: Surroundings, instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise no_response("S3 at x:9", "refused")

    for part in (around.objects, around.lake):
        for name in ("list", "metadata", "read", "facts", "positions"):
            monkeypatch.setattr(part, name, refuse, raising=False)
    around.topics.down = around.shards.down = True
    rows, numbers = report(around, instance)
    assert {name for name, row in rows.items() if row["state"] == "unknown"} == CONCERNS - {"last good run"}
    assert "S3 at x:9 did not respond" in rows["quarantine"]["finding"]
    assert "Start the server" in rows["quarantine"]["next_step"]
    assert numbers["unknown"] == 7


@pytest.mark.parametrize("route", ["kafka", "kinesis"])
def test_streams_that_cannot_be_read_are_named_with_their_cause_once(
    around: Surroundings, instance, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    positions = around.lake.positions

    def refuse_all_but_one(uri: str) -> object:
        if uri.endswith("_user_table"):
            return positions(uri)
        raise no_response("S3 at x:9", "refused")

    monkeypatch.setattr(around.lake, "positions", refuse_all_but_one)
    rows, _ = report(around, instance)
    row = rows[f"{route} lag"]
    assert (row["state"], row["finding"]) == ("unknown", "pin, geo: unknown: S3 at x:9 did not respond: refused.")
    assert row["next_step"].startswith("Start the server")


def test_a_ledger_that_a_failure_ended_shows_the_cause(
    around: Surroundings, instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise no_response("S3 at x:9", "refused")

    with monkeypatch.context() as outage:
        outage.setattr(around.objects, "list", refuse)
        dg.materialize([conservation], resources=around.resources, instance=instance, raise_on_error=False)
    row = report(around, instance)[0]["ledger"]
    assert (row["state"], row["finding"]) == ("unknown", "not evaluated: S3 at x:9 did not respond: refused.")
    assert row["next_step"] == (
        "Start the server or fix the network, then retry. Then materialize ledger/conservation. "
        "PINTEREST_IO_TIMEOUT_SECONDS sets the time limit."
    )


def test_the_growth_of_the_quarantine_is_that_since_the_last_report(around: Surroundings, instance) -> None:
    assert report(around, instance)[0]["quarantine"]["state"] == "ok"
    around.topics.append(TOPIC, 0, b"junk")
    dg.materialize(RAW, resources=around.resources, instance=instance)
    rows, numbers = report(around, instance)
    assert "cli quarantine" in rows["quarantine"]["next_step"]
    assert (numbers["quarantine"], numbers["quarantine_growth"]) == (1, 1)


def test_the_growth_of_the_quarantine_across_an_outage_is_reported(
    around: Surroundings, instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise no_response("S3 at x:9", "refused")

    report(around, instance)
    with monkeypatch.context() as outage:
        outage.setattr(around.lake, "facts", refuse)
        assert report(around, instance)[0]["quarantine"]["state"] == "unknown"
    around.topics.append(TOPIC, 0, b"junk")
    dg.materialize(RAW, resources=around.resources, instance=instance)
    rows, numbers = report(around, instance)
    assert (rows["quarantine"]["state"], numbers["quarantine_growth"]) == ("warning", 1)


def test_rejected_records_and_objects_are_counted_apart(around: Surroundings, instance) -> None:
    uri = around.settings.names.places(USER, Route.KAFKA).quarantine_uri
    around.lake.tables[uri] = TableFacts(uri, 1, 6, ())
    _, numbers = report(around, instance)
    assert (numbers["quarantine_records"], numbers["quarantine_objects"]) == (6, 0)
    # The table was rebuilt, and landing has rejected a record.
    around.lake.tables[uri] = TableFacts(uri, 2, 0, ())
    around.topics.append(TOPIC, 0, b"junk")
    dg.materialize(RAW, resources=around.resources, instance=instance)
    rows, numbers = report(around, instance)
    assert (numbers["quarantine_records"], numbers["quarantine_objects"]) == (0, 1)
    assert (rows["quarantine"]["state"], numbers["quarantine_growth"]) == ("warning", 1)


def test_the_ledger_and_tables_that_were_never_checked_are_named(around: Surroundings, instance) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    dg.materialize([*RAW, conservation], resources=around.resources, instance=instance)
    uri = around.settings.names.cleaned_uri(USER)
    around.lake.tables[uri] = TableFacts(uri, 1, 1, ())
    rows, numbers = report(around, instance)
    assert rows["ledger"]["finding"] == "everything_landed_is_cleaned failed"
    assert rows["tables"]["finding"] == "cleaned/user was never checked"
    assert numbers["unsound_tables"] == 1


def test_a_stream_near_the_end_of_its_retention_is_a_warning(around: Surroundings, instance) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}')
    around.shards.now_ms += round(0.8 * around.shards.retention_ms)
    row = report(around, instance)[0]["kinesis retention"]
    assert row["state"] == "warning"
    assert STREAM in row["finding"]


def test_a_backlog_that_retention_may_have_deleted_is_named_and_no_lag_of_0(around: Surroundings, instance) -> None:
    land_stream(around.shards, around.objects, STREAM)
    around.shards.put(STREAM, 0, b'{"ind":1}')
    around.shards.advance(25)
    rows, numbers = report(around, instance)
    assert rows["kinesis retention"]["state"] == "warning"
    assert f"{STREAM}: retention may have deleted records that are not landed" in rows["kinesis retention"]["finding"]
    assert rows["kinesis lag"]["state"] == "unknown" and "kinesis_lag_seconds" not in numbers


def test_a_lag_that_is_unknown_is_not_reported_as_none(around: Surroundings, instance) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', timestamp_ms=1000)
    rows, numbers = report(around, instance)
    assert rows["kafka lag"]["state"] == "unknown"
    assert (
        rows["kafka lag"]["finding"]
        == "user: unknown: the time of the oldest record is not plausible, or it was deleted"
    )
    assert "kafka_lag_seconds" not in numbers
    assert numbers["kafka_not_landed"] == 1


def test_the_backlog_of_kinesis_is_a_number_of_streams(around: Surroundings, instance) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}', b'{"ind":2}')
    assert report(around, instance)[0]["kinesis lag"]["finding"] == "at most 0 seconds, 1 stream with records to land"


def test_records_of_a_topic_that_was_never_landed_have_no_headroom(around: Surroundings, instance) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}', b'{"ind":2}')
    rows, numbers = report(around, instance)
    assert rows["kafka retention"]["state"] == "warning"
    assert rows["kafka retention"]["finding"] == f"{TOPIC}/0: the oldest record that the broker holds is not landed"
    assert numbers["kafka_headroom_offsets"] == 0


def test_offsets_that_retention_deleted_before_they_were_landed_are_named(around: Surroundings, instance) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    dg.materialize(RAW, resources=around.resources, instance=instance)
    around.topics.append(TOPIC, 0, *[b'{"ind":2}'] * 5)
    assert report(around, instance)[0]["kafka retention"]["state"] == "ok"
    around.topics.trim(TOPIC, 0, 3)
    rows, numbers = report(around, instance)
    assert rows["kafka retention"]["state"] == "warning"
    assert f"{TOPIC}/0: retention deleted offsets 1 to 2 before" in rows["kafka retention"]["finding"]
    assert numbers["kafka_headroom_offsets"] == 0


@pytest.mark.parametrize(
    ("waited_hours", "text", "seconds"),
    [
        (12, "in 6 days 1", 6.5 * 86_400),
        (24 * 8, "at any time, after at least 1 landed offset, retention can delete a record that is not landed", 0),
        (450_000, "retention deletes at least 1 landed offset first, then a record that is not landed", None),
    ],
)
def test_the_time_until_retention_deletes_what_waits_is_in_words_if_it_is_known(
    around: Surroundings, instance, waited_hours: int, text: str, seconds: float | None
) -> None:
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    dg.materialize(RAW, resources=around.resources, instance=instance)
    now_ms = time.time_ns() // 1_000_000
    around.topics.append(TOPIC, 0, b'{"ind":2}', timestamp_ms=now_ms - waited_hours * 3_600_000)
    rows, numbers = report(around, instance)
    finding = rows["kafka retention"]["finding"]
    assert finding.startswith(text)
    assert "at least 1 landed offset" in finding and finding.endswith("a record that is not landed")
    assert numbers.get("kafka_headroom_seconds") == (None if seconds is None else pytest.approx(seconds, abs=600))


def test_a_partition_whose_landed_offsets_are_unknown_is_not_reported_as_not_landed(
    around: Surroundings, instance
) -> None:
    for _ in range(2):
        around.topics.append(TOPIC, 0, b'{"ind":1}')
        dg.materialize(RAW, resources=around.resources, instance=instance)
    [newest] = [key for key in around.objects.objects if key.endswith(f"+0+{1:019d}.json")]
    around.objects.objects[newest].metadata["end"] = "x"
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    rows, numbers = report(around, instance)
    assert f"{TOPIC}/0: the landed offsets are unknown: " in rows["kafka retention"]["finding"]
    assert "is not landed" not in rows["kafka retention"]["finding"]
    assert "kafka_headroom_offsets" not in numbers
