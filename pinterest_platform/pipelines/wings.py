"""The wing of landing that lands a route."""

from collections.abc import Mapping
from typing import Protocol

from pinterest_platform.catalog import Route
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.landing.size import LandedSize
from pinterest_platform.ports import ObjectStore


class Wing(Protocol):
    """The operations of both wings of landing on the objects of a topic or stream."""

    def pending_segments(
        self, store: ObjectStore, stream: str, positions: Mapping[str, int], /
    ) -> list[PendingSegment]:
        """Return the landed objects that no position covers, by app id and in chain order."""
        ...

    def with_manifest(self, store: ObjectStore, segment: PendingSegment, /) -> PendingSegment:
        """Return a landed object with the counts of its manifest."""
        ...

    def landed_size(self, store: ObjectStore, stream: str, /) -> LandedSize:
        """Return the number and bytes of the landed objects."""
        ...


def wing_of(route: Route) -> Wing:
    """Return the wing that lands a route."""
    return kafka if route is Route.KAFKA else kinesis
