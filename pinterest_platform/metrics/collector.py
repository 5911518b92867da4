"""The collector that Prometheus' client calls at each scrape."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.metrics.names import METRICS
from pinterest_platform.metrics.runs import read_runs
from pinterest_platform.metrics.samples import STORE, Samples, source_states
from pinterest_platform.metrics.sources import Sources
from pinterest_platform.metrics.streams import read_stream, read_topic
from pinterest_platform.metrics.tables import Rejections, read_store, read_table, table_uris

SampleReader = Callable[[Sources], Samples]

CACHE_SECONDS = 10.0
"""Age up to which samples serve another scrape."""

FIRST_SECONDS = 60.0
LONGEST_SECONDS = 8.0
"""Time after which a scrape ends without the sources that are still being read; Prometheus waits for 10 s. The first
one imports the clients and takes longer."""

_THREADS = 16
_log = logging.getLogger("pinterest_platform.metrics")


def sample_readers(sources: Sources) -> dict[tuple[str, str], SampleReader]:
    """Return the function that reads each part of the platform, by the source and the name of its `up` gauge."""
    names = sources.settings.names
    parts: dict[tuple[str, str], SampleReader] = {("dagster", "instance"): read_runs, STORE: read_store}
    for entity in ENTITIES:
        parts["kafka", names.topic(entity)] = lambda every, entity=entity: read_topic(entity, every)
        parts["kinesis", names.stream(entity)] = lambda every, entity=entity: read_stream(entity, every)
        for route in Route:
            source = names.places(entity, route).source
            parts["quarantine", source] = Rejections(entity, route).read
    for table, uri in table_uris(names).items():
        parts["table", table] = lambda every, table=table, uri=uri: read_table(table, uri, every)
    return parts


class PlatformCollector(Collector):
    """All metrics of the platform, read at scrape time.

    Args:
        sources: the sources.
        parts: the functions that read them; by default those of the platform.
        first_seconds: time limit of the first reading.
        longest_seconds: time limit of each later one.
    """

    def __init__(
        self,
        sources: Sources,
        parts: Mapping[tuple[str, str], SampleReader] | None = None,
        first_seconds: float = FIRST_SECONDS,
        longest_seconds: float = LONGEST_SECONDS,
    ) -> None:
        self._sources = sources
        self._parts = sample_readers(sources) if parts is None else parts
        self._limit_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="metrics")
        self._running: dict[tuple[str, str], Future[Samples]] = {}
        self._failures: Mapping[tuple[str, str], str] = {}
        self._lock = threading.Lock()
        self._families: list[Family] = []
        self._read_at = -CACHE_SECONDS

    def collect(self) -> Iterable[Family]:
        """Return all metrics; scrapes within `CACHE_SECONDS` share one reading."""
        with self._lock:
            if time.monotonic() - self._read_at >= CACHE_SECONDS:
                self._families = _families(self._read())
                self._read_at = time.monotonic()
            return self._families

    def _read(self) -> list[Samples]:
        """Read all parts at once; one that is still being read is down, and is not started a second time."""
        for key, part in self._parts.items():
            if key not in self._running:
                self._running[key] = self._pool.submit(part, self._sources)
        limit_seconds, self._limit_seconds = self._limit_seconds, self._longest_seconds
        wait(self._running.values(), limit_seconds)
        results: list[Samples] = []
        for key in self._parts:
            if self._running[key].done():
                results.append(_result(key, self._running.pop(key)))
            else:
                results.append(_down(key, f"It was not read within {limit_seconds:g} s."))
        self._log_changes({source: message for part in results for source, message in part.failures.items()})
        return results

    def _log_changes(self, failures: Mapping[tuple[str, str], str]) -> None:
        """Log each source once when it fails, one line for each cause, and once when it is read again."""
        sources_by_cause: dict[str, list[tuple[str, str]]] = {}
        for source in sorted(failures.keys() - self._failures.keys()):
            sources_by_cause.setdefault(failures[source], []).append(source)
        for cause, sources in sources_by_cause.items():
            _log.warning("%s down: %s", _with_verb(sources), cause)
        if recovered := sorted(self._failures.keys() - failures.keys()):
            _log.info("%s up again", _with_verb(recovered))
        self._failures = failures


def _result(key: tuple[str, str], future: Future[Samples]) -> Samples:
    """Return the samples of a part; an unexpected error in one part must not hide the others."""
    error = future.exception()
    return future.result() if error is None else _down(key, f"{type(error).__name__}: {error}")


def _down(key: tuple[str, str], message: str) -> Samples:
    return Samples(failures={key: message})


def _with_verb(sources: Sequence[tuple[str, str]]) -> str:
    return f"{', '.join(map(' '.join, sources))} {'is' if len(sources) == 1 else 'are'}"


def _families(results: list[Samples]) -> list[Family]:
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for metric in METRICS:
        kind = CounterMetricFamily if metric.is_counter else GaugeMetricFamily
        families[metric.name] = kind(metric.name, metric.meaning, labels=metric.labels)
    for sample in chain(source_states(results), *(part.samples for part in results)):
        families[sample.metric.name].add_metric(sample.labels, sample.value)
    return list(families.values())
