"""The collector that Prometheus' client calls at each scrape."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.metrics.names import METRICS
from pinterest_platform.metrics.runs import read_runs
from pinterest_platform.metrics.samples import STORE, Samples, all_failures, needs_store, source_states
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

_LATE = "It was not read within"
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
        self._pool = ThreadPoolExecutor(len(self._parts) or 1, thread_name_prefix="metrics")
        self._running: dict[tuple[str, str], Future[Samples]] = {}
        self._last_failures: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
        self._down: dict[tuple[str, str], str] = {}
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
        """Read all parts at once; one that is still being read is not started a second time."""
        for key, part in self._parts.items():
            if key in self._running and self._running[key].done():
                # It ended after an earlier scrape, so its values are old.
                self._end(key)
            if key not in self._running:
                self._running[key] = self._pool.submit(part, self._sources)
        limit_seconds, self._limit_seconds = self._limit_seconds, self._longest_seconds
        done, _ = wait(self._running.values(), limit_seconds)
        ended = {key: self._end(key) for key in self._parts if self._running[key] in done}
        late = self._late(ended, f"{_LATE} {limit_seconds:g} s. The cause is logged when the reading ends.")
        results = [*ended.values(), *late]
        # A part without a failure was read, even if it has no source of its name.
        read = {source for part in ended.values() for source in part.up}
        read |= {key for key, part in ended.items() if not part.failures}
        self._log_changes(all_failures(results), read)
        return results

    def _end(self, key: tuple[str, str]) -> Samples:
        """Return the samples of a reading that ended."""
        samples = _result(key, self._running.pop(key))
        self._last_failures[key] = samples.failures
        return samples

    def _late(self, ended: Mapping[tuple[str, str], Samples], message: str) -> list[Samples]:
        """Return the parts that are still being read: they are down, with the failures of their last reading.

        In an outage of the store, and in the scrape after it, they may wait for the store: only those failures count.
        """
        late = [key for key in self._parts if key not in ended]
        is_store_down = STORE in late or STORE in all_failures(ended.values()) or STORE in self._down
        results: list[Samples] = []
        for key in late:
            last = self._last_failures.get(key, {})
            failures = {source: cause for source, cause in last.items() if source != STORE or key == STORE}
            if key == STORE or not is_store_down:
                failures = {key: message} | failures
            results.append(Samples(failures=failures))
        return results

    def _log_changes(self, failures: Mapping[tuple[str, str], str], read: Set[tuple[str, str]]) -> None:
        """Log each source once when it fails, one line for each cause, and once when it is read again.

        A source that was not read in time is logged again when its cause is known. While the store is down, the
        sources that need it keep their state.
        """
        sources_by_cause: dict[str, list[tuple[str, str]]] = {}
        for source, cause in sorted(failures.items()):
            previous = self._down.get(source)
            if previous is None or (previous.startswith(_LATE) and not cause.startswith(_LATE)):
                sources_by_cause.setdefault(cause, []).append(source)
        for cause, sources in sources_by_cause.items():
            _log.warning("%s down: %s", _with_verb(sources), cause)
        kept = {source for source in self._down if STORE in failures and needs_store(source)}
        if recovered := sorted((self._down.keys() & read) - failures.keys() - kept):
            _log.info("%s up again", _with_verb(recovered))
        self._down = {source: self._down[source] for source in self._down if source not in recovered} | dict(failures)


def _result(key: tuple[str, str], future: Future[Samples]) -> Samples:
    """Return the samples of a part; an unexpected error in one part must not hide the others."""
    error = future.exception()
    return future.result() if error is None else Samples(failures={key: f"{type(error).__name__}: {error}"})


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
