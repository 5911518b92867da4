"""The reports and their page in process, on fakes."""

import re
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from pinterest_platform.catalog import PAGE_KEY, PIN, REPORT_KEYS
from pinterest_platform.defs.reports.assets import page, reports
from pinterest_platform.defs.reports.checks import reports_are_sound
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.ports import Json, RowVersion, TableFacts
from pinterest_platform.spark_jobs.parameters import ReportsResult
from pinterest_platform_tests.defs.surroundings import Surroundings


@pytest.fixture
def around() -> Surroundings:
    """Three sound tables, and an engine that computes empty reports."""
    around = Surroundings()
    around.fill_lake()
    return around


def materialize(
    around: Surroundings, *assets: dg.AssetsDefinition | dg.AssetChecksDefinition
) -> dg.ExecuteInProcessResult:
    return dg.materialize(list(assets), resources=around.resources, raise_on_error=False)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    [event] = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.user_failure_data is not None
    return str(event.step_failure_data.user_failure_data.description)


@pytest.mark.parametrize("asset", [reports, page])
def test_neither_reports_nor_page_are_built_from_a_table_that_fails_a_blocking_check(
    around: Surroundings, asset: dg.AssetsDefinition
) -> None:
    def verify(parameters: Json) -> Json:
        return around.sound(parameters, duplicate_keys=8 if parameters["entity"] == "pin" else 0)

    around.engine.responses["verify"] = verify
    failure = failure_of(materialize(around, asset))
    assert "cleaned/pin, version 7: check unique_key failed: 8 rows beyond the first of their key." in failure
    assert "full_refresh of cleaned__pin" in failure
    assert "reports" not in [job for job, _ in around.engine.calls]


def test_a_version_that_was_checked_is_not_checked_again(around: Surroundings) -> None:
    assert materialize(around, reports).success
    assert materialize(around, reports).success
    assert [job for job, _ in around.engine.calls] == ["verify"] * 3 + ["reports"] * 2


@pytest.mark.parametrize("recorded", [b"", b"[]", b'{"rows": 1}', b"\xff"])
def test_a_damaged_record_of_a_check_counts_as_none(around: Surroundings, recorded: bytes) -> None:
    materialize(around, reports)
    around.objects.put("checks/cleaned/pin.json", recorded)
    around.engine.calls.clear()
    assert materialize(around, reports).success
    assert [job for job, _ in around.engine.calls] == ["verify", "reports"]


def test_reports_before_any_batch_name_the_job_that_creates_their_tables(around: Surroundings) -> None:
    around.lake.tables.clear()
    failure = failure_of(materialize(around, reports))
    assert "cleaned/pin: there is no Delta table at s3://user-u-bucket/delta/cleaned/u_pin_table." in failure
    assert "Run the job batch_pipeline" in failure


BROKEN = "users_joined_by_year"


def break_report(around: Surroundings) -> None:
    """Give a report's table a column, so that it can neither be written nor shown."""
    uri = around.settings.names.report_uri(BROKEN)
    facts = around.lake.tables[uri]
    around.lake.tables[uri] = replace(facts, columns=(*facts.columns, ("extra", "string")))
    compute = around.engine.responses["reports"]

    def failing(parameters: Json) -> Json:
        result = ReportsResult.from_json(compute(parameters))
        outcomes = {key: outcome for key, outcome in result.reports.items() if key != BROKEN}
        failures = (
            {BROKEN: {"what": "It has a column extra.", "action": "Move it."}} if BROKEN in result.reports else {}
        )
        return ReportsResult(outcomes, result.sources, failures).to_json()

    around.engine.responses["reports"] = failing


def test_a_broken_report_stops_neither_the_others_nor_their_sections_of_the_page(around: Surroundings) -> None:
    break_report(around)
    with dg.DagsterInstance.ephemeral() as instance:
        assets = [reports, page, reports_are_sound]
        result = dg.materialize(assets, instance=instance, resources=around.resources, raise_on_error=False)
        logged = instance.all_logs(result.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    failure = failure_of(result)
    assert f"reports/page: The page was published without 1 report. reports/{BROKEN}: the columns are" in failure
    body = around.objects.read(PAGE_KEY).decode()
    assert body.count('class="empty">Unavailable: ') == 1
    assert body.count('class="empty">No rows.') == len(REPORT_KEYS) - 1
    events = [entry.asset_materialization for entry in logged]
    metadata = {event.asset_key.path[-1]: event.metadata for event in events if event}
    assert set(metadata) == {*REPORT_KEYS, "page"}
    assert metadata[BROKEN]["problem"].value == "It has a column extra."
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert [check.asset_key.path[-1] for check in failed] == [BROKEN]


def test_a_broken_report_fails_a_run_without_the_page_after_the_others(around: Surroundings) -> None:
    break_report(around)
    result = materialize(around, reports)
    assert "It has a column extra. Move it." in failure_of(result)
    assert len(result.get_asset_materialization_events()) == len(REPORT_KEYS) - 1


def test_a_page_without_problems_does_not_fail(around: Surroundings) -> None:
    assert materialize(around, reports, page, reports_are_sound).success
    assert "Unavailable" not in around.objects.read(PAGE_KEY).decode()


def headlines(around: Surroundings) -> dict[str, str]:
    assert materialize(around, page).success
    top = around.objects.read(PAGE_KEY).decode().partition('class="headlines"')[2].partition("</dl>")[0]
    return dict(re.findall(r"<dt>(.*?)(?: <span>.*?)?</dt><dd>(.*?)</dd>", top))


def test_the_page_counts_what_landing_and_cleaning_rejected(around: Surroundings) -> None:
    around.topics.append("u.pin", 0, b'{"index": 1}', b"junk", b"junk")
    land_topic(around.topics, around.objects, "u.pin")
    uri = around.settings.names.cleaned_quarantine_uri(PIN)
    around.lake.tables[uri] = TableFacts(uri, 1, 40, ())
    assert headlines(around)["Quarantined records (Kafka)"] == "42"


def test_numbers_that_cannot_be_read_are_unknown_and_not_zero(around: Surroundings) -> None:
    around.topics.append("u.pin", 0, b'{"index": 1}', b"junk")
    land_topic(around.topics, around.objects, "u.pin")
    for stored in around.objects.objects.values():
        stored.metadata.clear()
    assert headlines(around) == dict.fromkeys(
        ("Posts", "Posters", "Countries", "Users", "Quarantined records (Kafka)", "Data age"), "unknown"
    )


def test_the_page_shows_the_version_of_each_report_and_the_rows_that_changed(around: Surroundings) -> None:
    key = "users_joined_by_year"
    uri = around.settings.names.report_uri(key)
    around.lake.content[uri] = [{"join_year": 2016, "number_users_joined": 5}]
    around.lake.older_content[uri] = {2: [{"join_year": 2016, "number_users_joined": 4}]}
    around.lake.history[uri] = [RowVersion(4, 1_700_000_000_000, {"user_version": "7"}), RowVersion(2, None, {})]
    deleted = around.settings.names.report_uri("top_poster_by_country")
    around.lake.history[deleted] = [RowVersion(3, None, {"pin_version": "7"}), RowVersion(1, None, {})]
    assert materialize(around, page).success
    html = around.objects.read(PAGE_KEY).decode()
    joined = html.partition(f'<section id="{key}"')[2].partition("</section>")[0]
    posters = html.partition('<section id="top_poster_by_country"')[2].partition("</section>")[0]
    assert "2023-11-14 22:13:20 UTC" in joined
    assert "from cleaned/user version 7." in joined
    assert "Since version 2: 0 added, 1 changed, 0 gone" in joined
    assert "The rows of version 1 were deleted" in posters
    assert html.count('class="history"') == 2


def test_a_small_report_is_shown_whole_and_a_large_one_by_its_first_rows(around: Surroundings) -> None:
    small, large = REPORT_KEYS[:2]
    for key, count in ((small, 7), (large, 101)):
        uri = around.settings.names.report_uri(key)
        around.lake.tables[uri] = replace(around.lake.tables[uri], rows=count)
        around.lake.content[uri] = [{"category": "art", "country": None, "post_year": 2017}] * count
    result = materialize(around, reports)
    assert not any(
        "preview_note" in event.materialization.metadata for event in result.get_asset_materialization_events()
    )
    previews = {
        event.asset_key.path[-1]: event.materialization.metadata["preview"]
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    tables = [previews[small], previews[large]]
    assert [len(table.records) for table in tables if isinstance(table, dg.TableMetadataValue)] == [7, 5]
    assert previews[REPORT_KEYS[2]].value == "none"


def page_metadata(around: Surroundings) -> dict[str, dg.MetadataValue]:
    result = materialize(around, page)
    assert result.success
    [event] = result.get_asset_materialization_events()
    return dict(event.materialization.metadata)


def test_each_materialization_refreshes_the_copy_in_the_home(around: Surroundings) -> None:
    metadata = page_metadata(around)
    copy = Path(str(metadata["home_copy"].value))
    assert copy == Path(around.settings.home).resolve() / "site" / "index.html"
    assert copy.read_bytes() == around.objects.read(PAGE_KEY)
    copy.write_text("old")
    metadata = page_metadata(around)
    assert metadata["written"].value is False
    assert metadata["bytes"].value == len(around.objects.read(PAGE_KEY))
    assert copy.read_bytes() == around.objects.read(PAGE_KEY)


def test_a_home_that_cannot_be_written_stops_no_page(around: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    around.settings = around.settings.model_copy(update={"home": str(tmp_path / "file")})
    metadata = page_metadata(around)
    assert "was not written: Not a directory. Set PINTEREST_HOME" in str(metadata["home_copy"].value)
    assert metadata["written"].value is True


def test_the_page_opens_from_the_ui_and_has_a_preview(around: Surroundings) -> None:
    around.topics.append("u.pin", 0, b'{"index": 1}', b"junk")
    land_topic(around.topics, around.objects, "u.pin")
    metadata = page_metadata(around)
    assert metadata["open"] == dg.MetadataValue.url(
        "https://s3.console.aws.amazon.com/s3/object/user-u-bucket?region=us-east-1&prefix=site/index.html"
    )
    preview = str(metadata["preview"].value)
    assert "| Posts | unknown |" in preview
    assert "| Quarantined records (Kafka) | 1 |" in preview
    assert "| Data age | unknown |" in preview
    assert "| Users who joined by year | 0 |" in preview
    around.settings = around.settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9000/"})
    assert page_metadata(around)["open"] == dg.MetadataValue.url("http://127.0.0.1:9000/user-u-bucket/site/index.html")
