"""Samples of metrics, and the outcome of reading the sources that they come from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pinterest_platform.failures import PlatformFailure
from pinterest_platform.metrics.names import SOURCE_UP, Metric

T = TypeVar("T")

STORE = ("s3", "bucket")
"""The source and the name of the store in `pinterest_source_up`."""

_WITHOUT_STORE = {"kafka", "dagster"}
"""The sources that are read without the store."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a metric; `labels` are in the order of the metric's."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


@dataclass(slots=True)
class Samples:
    """The samples of some sources.

    Attributes:
        samples: the samples.
        up: source and name of each source that was read.
        failures: the message of each source that was not read, by source and name.
    """

    samples: list[Sample] = field(default_factory=list[Sample])
    up: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    failures: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def add(self, metric: Metric, value: float | None, *labels: str) -> None:
        """Add a value; an unknown one, None, is left out."""
        if value is not None:
            self.samples.append(Sample(metric, labels, value))

    def read(self, source: str, name: str, reader: Callable[[], T]) -> T | None:
        """Read a source and record whether it was read; return None if it was not.

        If the store does not respond, it alone is down: the state of the sources that need it is unknown.
        """
        if STORE in self.failures and needs_store((source, name)):
            return None
        try:
            result = reader()
        except PlatformFailure as failure:
            is_store = failure.service.startswith(("S3 at ", "The store"))
            self.failures[STORE if is_store else (source, name)] = str(failure)
            return None
        self.up.add((source, name))
        return result


def needs_store(source: tuple[str, str]) -> bool:
    """Return whether a source, other than the store itself, is read by way of the store."""
    return source != STORE and source[0] not in _WITHOUT_STORE


def all_failures(results: Iterable[Samples]) -> dict[tuple[str, str], str]:
    """Return the failures of all parts; if the store is down, those of the sources that need it are unknown."""
    failures = {source: message for part in results for source, message in part.failures.items()}
    if STORE not in failures:
        return failures
    return {source: message for source, message in failures.items() if not needs_store(source)}


def source_states(results: Sequence[Samples]) -> Iterator[Sample]:
    """Yield the state of each source that is known; one that any part could not read is down."""
    states = dict.fromkeys((source for part in results for source in part.up), 1)
    for key, state in (states | dict.fromkeys(all_failures(results), 0)).items():
        yield Sample(SOURCE_UP, key, state)
