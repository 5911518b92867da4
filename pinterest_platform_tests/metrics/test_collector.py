"""The collector: jobs, ledger, tables, reasons, the cache, and sources that hang or break."""

import inspect
import logging
import re
import threading
import time
from typing import NoReturn

import dagster as dg
import pytest

from pinterest_platform.catalog import ENTITIES, USER, Names, Route
from pinterest_platform.definitions import defs
from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform.failures import no_response
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.envelope import ShardEncoder
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.metrics import runs, tables
from pinterest_platform.metrics.collector import PlatformCollector
from pinterest_platform.metrics.names import METRICS, QUARANTINED
from pinterest_platform.metrics.samples import STORE, Samples
from pinterest_platform.metrics.tables import CLEANING_REASONS, LANDING_REASONS, kind_of
from pinterest_platform.orchestration.results.ledger import CLEANED_CHECK, HIDDEN_CHECK, LANDED_CHECK, LEDGER
from pinterest_platform.ports import Record, TableFacts
from pinterest_platform.transforms import decoding
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC
from pinterest_platform_tests.metrics.scrapes import Prometheus

NAMES = Names("u", "user-u-bucket")
SOURCES = [NAMES.places(entity, route).source for entity in ENTITIES for route in Route]


def test_every_metric_is_explained_and_has_one_unit(prometheus: Prometheus) -> None:
    families = {family.name: family for family in prometheus.scrape().families}
    assert set(families) == {metric.name for metric in METRICS}
    assert all(family.documentation.endswith(".") for family in families.values())


def test_rows_versions_and_files_of_tables(prometheus: Prometheus) -> None:
    uri = NAMES.report_uri("users_joined_by_year")
    prometheus.platform.lake.tables[uri] = TableFacts(uri, 3, 1200, (), "id", files=2)
    scraped = prometheus.scrape()
    table = {"table": "reports/users_joined_by_year"}
    assert [scraped.value(f"table_{name}", **table) for name in ("rows", "version", "files")] == [1200, 3, 2]
    assert scraped.value("table_rows", table="cleaned/pin") is None
    assert scraped.value("source_up", source="table", name="cleaned/pin") == 1


def test_quarantined_records_are_counted_by_kind_of_reason_and_read_once(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.topics.append(TOPIC, 0, b"junk-with-a-secret", None, b"more junk")
    land_topic(platform.topics, platform.objects, TOPIC)
    platform.shards.put(STREAM, 0, b"[]")
    land_stream(platform.shards, platform.objects, STREAM)
    for _ in range(2):
        scraped = prometheus.scrape()
        counts = {
            (place["stream"], place["reason"]): value
            for (name, labels), value in scraped.values.items()
            if name == "pinterest_quarantined_records_total"
            for place in [dict(labels)]
        }
        zeros = {(source, reason): 0 for source in SOURCES for reason in LANDING_REASONS}
        assert counts == zeros | {
            (TOPIC, "not JSON"): 2,
            (TOPIC, "no value (a tombstone)"): 1,
            (STREAM, "not one JSON object"): 1,
        }
    reads = [key for call, key in platform.objects.calls if call == "read" and key.startswith("quarantine/")]
    assert len(reads) == 2


def test_an_orphan_of_the_quarantine_is_not_counted(prometheus: Prometheus) -> None:
    platform = prometheus.platform
    platform.topics.append(TOPIC, 0, b"junk")
    land_topic(platform.topics, platform.objects, TOPIC)
    [key] = [key for key in platform.objects.objects if key.startswith("quarantine/")]
    platform.objects.put(key.replace(f"+{0:019d}.json", f"+{7:019d}.json"), platform.objects.read(key))
    scraped = prometheus.scrape()
    labels = {"route": "kafka", "stream": TOPIC, "reason": "not JSON"}
    assert scraped.value("quarantined_records_total", **labels) == 1


def test_a_quarantine_that_is_not_read_yet_has_no_count(
    prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "NEW_OBJECTS", 1)
    platform = prometheus.platform
    for _ in range(2):
        platform.topics.append(TOPIC, 0, b"junk")
        land_topic(platform.topics, platform.objects, TOPIC)
    labels = {"route": "kafka", "stream": TOPIC, "reason": "not JSON"}
    assert [prometheus.scrape().value("quarantined_records_total", **labels) for _ in range(2)] == [None, 2]


def test_quarantine_objects_that_were_counted_and_orphans_before_them_are_not_asked_for_again(
    prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "NEW_OBJECTS", 2)
    platform = prometheus.platform
    for number in range(2):
        platform.topics.append(TOPIC, 0, *[b"junk"] * 4)
        land_topic(platform.topics, platform.objects, TOPIC)
        key = max(key for key in platform.objects.objects if key.startswith("quarantine/topics"))
        for end in range(number * 4, number * 4 + 3):
            platform.objects.put(f"{key.rpartition('+')[0]}+{end:019d}.json", platform.objects.read(key))
    platform.objects.put(f"quarantine/topics/{TOPIC}/a note", b"")
    rejections = tables.Rejections(USER, Route.KAFKA)

    def count() -> list[float]:
        samples = rejections.read(prometheus.sources).samples
        return [sample.value for sample in samples if sample.metric is QUARANTINED and sample.value]

    assert [count(), count()] == [[8], [8]]
    platform.topics.append(TOPIC, 0, b"junk")
    land_topic(platform.topics, platform.objects, TOPIC)
    platform.objects.calls.clear()
    assert count() == [9]
    [manifest] = [key for call, key in platform.objects.calls if call == "metadata"]
    assert manifest.endswith(f"+{8:019d}.json")


def test_rejected_records_are_counted_by_kind_of_reason_once_a_version(prometheus: Prometheus) -> None:
    lake, uri = prometheus.platform.lake, NAMES.places(USER, Route.KINESIS).quarantine_uri
    reasons = ["duplicate names: a", "duplicate names: b", "missing key: ind"]
    lake.content[uri] = [{"reason": reason} for reason in reasons]
    lake.tables[uri] = TableFacts(uri, 1, 3, (), "id")
    labels = {"route": "kinesis", "stream": STREAM}
    scraped = prometheus.scrape()
    assert scraped.value("rejected_records_total", **labels, reason="duplicate names") == 2
    assert scraped.value("rejected_records_total", **labels, reason="missing key") == 1
    lake.content[uri] = []
    assert prometheus.scrape().value("rejected_records_total", **labels, reason="missing key") == 1
    lake.tables[uri] = TableFacts(uri, 2, 0, (), "id")
    assert prometheus.scrape().value("rejected_records_total", **labels, reason="missing key") == 0


def test_a_reason_without_records_is_zero_so_that_its_first_records_are_an_increase(prometheus: Prometheus) -> None:
    scraped = prometheus.scrape()
    for source in SOURCES:
        labels = {"route": "kafka" if source.startswith("u.") else "kinesis", "stream": source}
        for metric, reasons in [("quarantined", LANDING_REASONS), ("rejected", CLEANING_REASONS)]:
            for reason in reasons:
                assert scraped.value(f"{metric}_records_total", **labels, reason=reason) == 0


def test_all_reasons_of_landing_are_known() -> None:
    values = [None, b"junk", b"[]", b'{"a":1e999,"b":"\xff"}', b'{"_offset":1}', b"\xf3\x89\x9a\xc2"]
    lines = [ShardEncoder("shard").line(Record(0, 0, value)) for value in values]
    assert {kind_of(line) for line in lines if isinstance(line, str)} == set(LANDING_REASONS)


def test_all_reasons_of_cleaning_are_known() -> None:
    literals = re.findall(r'F\.lit\(f?"([^":]+): ', inspect.getsource(decoding._reason))
    assert set(literals) == set(CLEANING_REASONS)


def run_job(instance: dg.DagsterInstance, name: str, *, fail: bool = False, difference: int | None = None) -> None:
    """Run a job of this name, which can materialize the ledger."""

    @dg.op(name=f"{name}_op", out=dg.Out(dg.Nothing))
    def work(context: dg.OpExecutionContext) -> None:
        if difference is not None:
            context.log_event(dg.AssetMaterialization(LEDGER, metadata={"difference": difference}))
            context.log_event(
                dg.AssetCheckEvaluation(asset_key=LEDGER, check_name=LANDED_CHECK, passed=not difference, metadata={})
            )
        if fail:
            raise dg.Failure("No.")

    @dg.job(name=name)
    def job() -> None:
        work()

    job.execute_in_process(instance=instance, raise_on_error=False)


def test_the_last_success_and_the_last_failure_of_each_job(prometheus: Prometheus) -> None:
    assert prometheus.instance is not None
    before = time.time()
    run_job(prometheus.instance, "audit")
    run_job(prometheus.instance, "maintenance", fail=True)
    scraped = prometheus.scrape()
    assert before <= (scraped.value("job_last_success_timestamp_seconds", job="audit") or 0) <= time.time()
    assert 0 <= (scraped.value("job_last_duration_seconds", job="audit") or -1) < 60
    assert scraped.value("job_last_failure_timestamp_seconds", job="audit") is None
    assert scraped.value("job_last_success_timestamp_seconds", job="maintenance") is None
    assert before <= (scraped.value("job_last_failure_timestamp_seconds", job="maintenance") or 0) <= time.time()


@pytest.mark.parametrize(("difference", "passed"), [(0, 1), (3, 0)])
def test_the_difference_and_the_checks_of_the_last_ledger(prometheus: Prometheus, difference: int, passed: int) -> None:
    assert prometheus.instance is not None
    run_job(prometheus.instance, "batch_pipeline", difference=difference)
    scraped = prometheus.scrape()
    assert scraped.value("ledger_difference_offsets") == difference
    assert scraped.value("ledger_check_passed", check=LANDED_CHECK) == passed
    assert (scraped.value("ledger_timestamp_seconds") or 0) > 0


@pytest.mark.parametrize(("passed", "value"), [(True, 1), (False, None)])
def test_a_check_that_warns_has_no_failure(prometheus: Prometheus, passed: bool, value: int | None) -> None:
    assert prometheus.instance is not None

    @dg.op(out=dg.Out(dg.Nothing))
    def evaluate(context: dg.OpExecutionContext) -> None:
        context.log_event(
            dg.AssetCheckEvaluation(LEDGER, HIDDEN_CHECK, passed, severity=dg.AssetCheckSeverity.WARN, metadata={})
        )

    @dg.job
    def audit() -> None:
        evaluate()

    assert audit.execute_in_process(instance=prometheus.instance).success
    assert prometheus.scrape().value("ledger_check_passed", check=HIDDEN_CHECK) == value


def test_a_ledger_that_a_failure_ended_keeps_the_results_of_the_last_one(prometheus: Prometheus) -> None:
    around, instance = prometheus.platform, prometheus.instance
    around.topics.append(TOPIC, 0, b"{}")
    dg.materialize([*RAW, conservation], resources=around.resources, instance=instance)
    around.topics.down = True
    run = dg.materialize([conservation], resources=around.resources, instance=instance, raise_on_error=False)
    assert not run.success
    scraped = prometheus.scrape()
    assert scraped.value("ledger_check_passed", check=LANDED_CHECK) == 1
    assert scraped.value("ledger_check_passed", check=CLEANED_CHECK) == 0


def test_without_a_dagster_instance_the_other_sources_are_read(prometheus: Prometheus) -> None:
    prometheus.instance = None
    scraped = prometheus.scrape()
    assert scraped.down() == {("dagster", "instance")}
    assert not {name for name in scraped.names() if name.startswith(("job_", "ledger_"))}
    assert scraped.value("landing_lag_seconds", route="kafka", stream=TOPIC, partition="0") == 0


def test_all_jobs_are_known() -> None:
    assert set(runs.JOBS) == {job.name for job in defs.resolve_all_job_defs()} - {"__ASSET_JOB"}


def test_scrapes_in_short_succession_share_one_reading(prometheus: Prometheus) -> None:
    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    labels = {"route": "kafka", "stream": TOPIC, "partition": "0"}
    assert prometheus.scrape().value("end_position", **labels) == 1
    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    assert prometheus.scrape(fresh=False).value("end_position", **labels) == 1
    assert prometheus.scrape().value("end_position", **labels) == 2


def test_a_source_that_hangs_is_down_and_is_not_read_twice(prometheus: Prometheus) -> None:
    release, calls = threading.Event(), []

    def hang(_: object) -> Samples:
        calls.append(1)
        release.wait(30)
        samples = Samples()
        samples.read("kafka", "slow", lambda: 1)
        return samples

    collector = PlatformCollector(prometheus.sources, {("kafka", "slow"): hang}, 0.05, 0.05)
    prometheus._collector = collector
    assert prometheus.scrape().down() == prometheus.scrape().down() == {("kafka", "slow")}
    assert len(calls) == 1
    release.set()
    collector._limit_seconds = 10
    assert prometheus.scrape().down() == set()


def test_an_outage_of_the_store_is_one_source_and_one_line(
    prometheus: Prometheus, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def refuse(*arguments: object) -> NoReturn:
        calls.append(str(arguments[0]))
        raise no_response("S3 at x:9", "refused")

    prometheus.platform.topics.append(TOPIC, 0, b"{}")
    with caplog.at_level(logging.INFO, "pinterest_platform.metrics"), monkeypatch.context() as outage:
        for part in (prometheus.platform.objects, prometheus.platform.lake):
            for name in ("list", "metadata", "read", "facts", "positions"):
                outage.setattr(part, name, refuse, raising=False)
        scraped = prometheus.scrape()
    assert scraped.down() == {STORE}
    assert scraped.value("source_up", source="kafka", name=TOPIC) == 1
    assert scraped.value("source_up", source="kinesis", name=STREAM) is None
    assert scraped.names(route="kafka", stream=TOPIC, partition="0") == {"end_position"}
    assert not scraped.names(route="kinesis")
    assert len(calls) == len(prometheus.collector()._parts) - 1, "no part waits for the store twice"
    with caplog.at_level(logging.INFO, "pinterest_platform.metrics"):
        assert prometheus.scrape().down() == set()
    [down, up] = [record.getMessage() for record in caplog.records if record.name == "pinterest_platform.metrics"]
    assert down.startswith("s3 bucket is down: S3 at x:9 did not respond: refused. ")
    assert up == "s3 bucket is up again"


def test_an_outage_of_kinesis_names_its_streams_with_the_cause_once(
    prometheus: Prometheus, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise no_response("Kinesis at x:9", "refused")

    monkeypatch.setattr(prometheus.platform.shards, "describe", refuse)
    with caplog.at_level(logging.INFO, "pinterest_platform.metrics"):
        scraped = prometheus.scrape()
    assert scraped.down() == {("kinesis", NAMES.stream(entity)) for entity in ENTITIES}
    [line] = [record.getMessage() for record in caplog.records if record.name == "pinterest_platform.metrics"]
    assert line.startswith("kinesis streaming-u-geo, kinesis streaming-u-pin, kinesis streaming-u-user are down: Kin")


def test_a_broken_reading_hides_no_other_one_and_is_logged_once(
    prometheus: Prometheus, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> Samples:
        raise ZeroDivisionError("by zero")

    def sound(_: object) -> Samples:
        samples = Samples()
        samples.read("table", "b", lambda: 1)
        return samples

    prometheus.parts = {("table", "a"): broken, ("table", "b"): sound}
    with caplog.at_level(logging.INFO, "pinterest_platform.metrics"):
        scrapes = [prometheus.scrape() for _ in range(2)]
    assert [scrape.down() for scrape in scrapes] == [{("table", "a")}] * 2
    assert scrapes[0].value("source_up", source="table", name="b") == 1
    assert [record.getMessage() for record in caplog.records if record.name == "pinterest_platform.metrics"] == [
        "table a is down: ZeroDivisionError: by zero"
    ]
