"""Samples of metrics, and the outcome of reading the sources that they come from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pinterest_platform.failures import PlatformFailure
from pinterest_platform.metrics.names import SOURCE_UP, Metric

T = TypeVar("T")


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
        failures: the message of each source that was not read, by source and name.
    """

    samples: list[Sample] = field(default_factory=list[Sample])
    failures: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def add(self, metric: Metric, value: float | None, *labels: str) -> None:
        """Add a value; an unknown one, None, is left out."""
        if value is not None:
            self.samples.append(Sample(metric, labels, value))

    def read(self, source: str, name: str, reader: Callable[[], T]) -> T | None:
        """Read a source and record whether it was read; return None if it was not."""
        try:
            result = reader()
        except PlatformFailure as failure:
            self.mark_down(source, name, str(failure))
            return None
        self.add(SOURCE_UP, 1, source, name)
        return result

    def mark_down(self, source: str, name: str, message: str) -> None:
        """Record that a source was not read."""
        self.add(SOURCE_UP, 0, source, name)
        self.failures[source, name] = message
