"""The state of sources while services are down: it changes only with evidence, and the log names each cause once."""

import logging
import threading
from collections.abc import Callable

import pytest

from pinterest_platform.failures import TransientFailure, no_response
from pinterest_platform.metrics.collector import PlatformCollector
from pinterest_platform.metrics.samples import STORE, Samples
from pinterest_platform.metrics.sources import Sources
from pinterest_platform_tests.metrics.scrapes import Prometheus, Scraped

TABLE, KAFKA = ("table", "a"), ("kafka", "t")
S3_DOWN = no_response("S3 at x:9", "refused")
KAFKA_DOWN = TransientFailure("Kafka at x:1 did not describe t within 5 s.", "Start the broker.")


class Services:
    """Parts that read a store, a table and a topic in it; an event that is not set delays each reading of a part."""

    def __init__(self, prometheus: Prometheus, caplog: pytest.LogCaptureFixture) -> None:
        self.failures: dict[tuple[str, str], Exception] = {}
        self.released = {part: threading.Event() for part in (STORE, TABLE, KAFKA)}
        for event in self.released.values():
            event.set()
        parts = {part: self._part(part) for part in self.released}
        self.collector = PlatformCollector(prometheus.sources, parts, 0.5, 0.5)
        prometheus._collector = self.collector
        self._prometheus = prometheus
        self._caplog = caplog
        caplog.set_level(logging.INFO, "pinterest_platform.metrics")

    def _part(self, part: tuple[str, str]) -> Callable[[Sources], Samples]:
        def read(_: Sources) -> Samples:
            self.released[part].wait(30)
            samples = Samples()
            if part != STORE:
                samples.read("positions", part[1], lambda: self._respond(STORE))
            samples.read(*part, lambda: self._respond(part))
            return samples

        return read

    def _respond(self, service: tuple[str, str]) -> None:
        if service in self.failures:
            raise self.failures[service]

    def scrape(self) -> Scraped:
        """Scrape."""
        return self._prometheus.scrape()

    def end_readings(self) -> None:
        """Let the readings that are late end, after the scrape."""
        for event in self.released.values():
            event.set()
        for future in list(self.collector._running.values()):
            future.exception(30)

    def lines(self) -> list[str]:
        """Return the lines of the log, and clear it."""
        lines = [record.getMessage() for record in self._caplog.records if record.name == "pinterest_platform.metrics"]
        self._caplog.clear()
        return lines


@pytest.fixture
def services(prometheus: Prometheus, caplog: pytest.LogCaptureFixture) -> Services:
    return Services(prometheus, caplog)


def test_a_table_that_waits_for_the_store_in_its_outage_is_neither_down_nor_up_again(services: Services) -> None:
    services.failures[STORE] = S3_DOWN
    services.released[TABLE].clear()
    assert services.scrape().down() == {STORE}
    services.end_readings()
    for _ in range(2):
        scraped = services.scrape()
        assert scraped.down() == {STORE}
        assert scraped.value("source_up", source=TABLE[0], name=TABLE[1]) is None
    assert services.lines() == [f"s3 bucket is down: {S3_DOWN}"]
    services.failures.clear()
    assert services.scrape().down() == set()
    assert services.lines() == ["s3 bucket is up again"]


def test_a_store_that_is_not_read_in_time_is_the_one_source_that_is_down(services: Services) -> None:
    services.released[STORE].clear()
    services.released[TABLE].clear()
    assert services.scrape().down() == {STORE}
    services.failures[STORE] = S3_DOWN
    services.end_readings()
    assert services.scrape().down() == {STORE}
    late, cause = services.lines()
    assert late == "s3 bucket is down: It was not read within 0.5 s. The cause is logged when the reading ends."
    assert cause == f"s3 bucket is down: {S3_DOWN}"


def test_a_source_that_was_down_before_an_outage_of_the_store_keeps_its_state(services: Services) -> None:
    services.failures[TABLE] = TransientFailure("The table is damaged.", "Repair it.")
    assert services.scrape().down() == {TABLE}
    services.failures[STORE] = S3_DOWN
    assert services.scrape().down() == {STORE}
    del services.failures[STORE]
    assert services.scrape().down() == {TABLE}
    services.failures.clear()
    services.scrape()
    assert services.lines() == [
        "table a is down: The table is damaged. Repair it.",
        f"s3 bucket is down: {S3_DOWN}",
        "s3 bucket is up again",
        "table a is up again",
    ]


def test_a_reading_that_ended_after_its_scrape_is_not_the_result_of_a_later_one(services: Services) -> None:
    services.failures[STORE] = S3_DOWN
    services.released[TABLE].clear()
    services.scrape()
    services.end_readings()
    services.failures.clear()
    assert services.scrape().down() == set()


def test_a_source_that_is_late_names_its_cause_as_soon_as_it_is_known(services: Services) -> None:
    services.failures[KAFKA] = KAFKA_DOWN
    for _ in range(3):
        services.released[KAFKA].clear()
        assert services.scrape().down() == {KAFKA}
        services.end_readings()
    late, cause = services.lines()
    assert late == "kafka t is down: It was not read within 0.5 s. The cause is logged when the reading ends."
    assert cause == f"kafka t is down: {KAFKA_DOWN}"
    services.failures.clear()
    assert services.scrape().down() == set()
    assert services.lines() == ["kafka t is up again"]


def test_a_broker_that_is_down_is_named_in_an_outage_of_the_store_too(services: Services) -> None:
    services.failures |= {STORE: S3_DOWN, KAFKA: KAFKA_DOWN}
    services.released[KAFKA].clear()
    assert services.scrape().down() == {STORE}
    services.end_readings()
    services.released[KAFKA].clear()
    assert services.scrape().down() == {STORE, KAFKA}
    services.end_readings()
    assert services.lines() == [f"s3 bucket is down: {S3_DOWN}", f"kafka t is down: {KAFKA_DOWN}"]


def test_no_part_waits_for_another_one(prometheus: Prometheus) -> None:
    together = threading.Barrier(20)

    def read(_: Sources) -> Samples:
        together.wait(5)
        return Samples()

    prometheus.parts = {("table", str(number)): read for number in range(20)}
    assert prometheus.scrape().down() == set()
