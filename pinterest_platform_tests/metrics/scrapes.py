"""Scrapes of a platform in memory."""

from dataclasses import replace
from typing import Any

import dagster as dg
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.metrics.collector import PlatformCollector
from pinterest_platform.metrics.sources import Sources
from pinterest_platform.testing import FakeTopicTimes
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.defs.surroundings import Surroundings

Labels = dict[str, str]
DAY_MS = 24 * 3_600_000


class Scraped:
    """The values of a scrape by name and labels."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.values: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in self.families:
            for sample in family.samples:
                identity = (sample.name, frozenset(sample.labels.items()))
                assert identity not in self.values, f"{identity} has two values"
                self.values[identity] = sample.value

    def value(self, metric: str, /, **labels: str) -> float | None:
        """Return a value, None if there is none."""
        return self.values.get((f"pinterest_{metric}", frozenset(labels.items())))

    def names(self, **labels: str) -> set[str]:
        """Return the names of the values that have these labels."""
        return {
            name.removeprefix("pinterest_")
            for name, labels_of_sample in self.values
            if labels.items() <= dict(labels_of_sample).items()
        }

    def down(self) -> set[tuple[str, str]]:
        """Return source and name of each source that is down."""
        gauges = [(dict(labels), up) for (name, labels), up in self.values.items() if name == "pinterest_source_up"]
        return {(labels["source"], labels["name"]) for labels, up in gauges if not up}


class Prometheus:
    """A Prometheus server that scrapes a platform in memory; each scrape reads the sources."""

    def __init__(self) -> None:
        self.platform = Surroundings()
        self.times = FakeTopicTimes(self.platform.topics)
        self.now_ms = FIRST_TIMESTAMP_MS
        self.instance: dg.DagsterInstance | None = dg.DagsterInstance.ephemeral()
        self.parts: Any = None
        platform = self.platform
        self.sources = Sources(
            platform.settings,
            platform.topics,
            self.times,
            platform.shards,
            platform.objects,
            platform.lake,
            self._instance,
            lambda: self.now_ms,
        )
        self._collector: PlatformCollector | None = None

    def collector(self, **changes: Any) -> PlatformCollector:
        """Return the collector; settings that change create another one."""
        if changes:
            self.sources = replace(self.sources, settings=self.platform.settings.model_copy(update=changes))
            self._collector = None
        if self._collector is None:
            self._collector = PlatformCollector(self.sources, self.parts)
        return self._collector

    def scrape(self, *, fresh: bool = True) -> Scraped:
        """Scrape; `fresh` ignores the cache."""
        collector, registry = self.collector(), CollectorRegistry()
        if fresh:
            collector._read_at = float("-inf")
        registry.register(collector)
        return Scraped(generate_latest(registry).decode())

    def _instance(self) -> dg.DagsterInstance:
        if self.instance is None:
            raise PermanentFailure("There is no instance.", "Set DAGSTER_HOME.")
        return self.instance
