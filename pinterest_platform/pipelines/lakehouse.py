"""Settings, bucket, tables and engine as one value."""

from collections.abc import Mapping
from dataclasses import dataclass

from pinterest_platform.catalog import Entity, Names, Route
from pinterest_platform.failures import no_table
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.landing.size import LandedSize
from pinterest_platform.pipelines.wings import wing_of
from pinterest_platform.ports import Lake, ObjectStore, SparkEngine, TableFacts
from pinterest_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Lakehouse:
    """Everything that most verbs need.

    Attributes:
        settings: the platform's settings.
        objects: the bucket.
        lake: the Delta tables.
        engine: runs the Spark jobs.
    """

    settings: Settings
    objects: ObjectStore
    lake: Lake
    engine: SparkEngine

    @property
    def names(self) -> Names:
        """All names that derive from the user id."""
        return self.settings.names

    def positions(self, entity: Entity, route: Route) -> Mapping[str, int] | None:
        """Return the positions of a cleaned table by app id; None if there is no table."""
        return self.lake.positions(self.names.places(entity, route).table_uri)

    def pending_segments(self, entity: Entity, route: Route, positions: Mapping[str, int]) -> list[PendingSegment]:
        """List the landed objects after these positions, by app id and in chain order."""
        return wing_of(route).pending_segments(self.objects, self.names.places(entity, route).source, positions)

    def landed_size(self, entity: Entity, route: Route) -> LandedSize:
        """Return the number and bytes of the landed objects of an entity."""
        return wing_of(route).landed_size(self.objects, self.names.places(entity, route).source)


def table_facts(lake: Lake, uri: str) -> TableFacts:
    """Return version, rows and columns of a table; raises PermanentFailure if there is no table."""
    facts = lake.facts(uri)
    if facts is None:
        raise no_table(uri)
    return facts
