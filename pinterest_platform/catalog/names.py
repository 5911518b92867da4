"""Names derived from a user id, an entity and a route: topics, streams, tables, prefixes, fields (rules N1 to N14)."""

from dataclasses import dataclass
from enum import StrEnum

from pinterest_platform.catalog.model import Entity


class Route(StrEnum):
    """How a post reaches the platform (SPEC 3)."""

    KAFKA = "kafka"
    KINESIS = "kinesis"


TOPICS_PREFIX = "topics/"
STREAMS_PREFIX = "streams/"
SIGHTINGS_PREFIX = "sightings/"
ADOPTED_PREFIX = "adopted/"
QUARANTINE_PREFIX = "quarantine/"
CLEANED_QUARANTINE_PREFIX = "quarantine/cleaned/"
CLEANED_STREAM_QUARANTINE_PREFIX = "quarantine/cleaned_stream/"
STAGING_PREFIX = "staging/"
PAGE_KEY = "site/index.html"

PARTITION_FIELD = "_partition"
OFFSET_FIELD = "_offset"
SHARD_FIELD = "_shard"
SEQUENCE_FIELD = "_sequence"
TIMESTAMP_FIELD = "_timestamp"
"""What landing splices into every record: where it stood (partition and offset, or shard and sequence number as text of
`SEQUENCE_DIGITS` digits), and its append time in ms since the epoch."""

SEQUENCE_DIGITS = 129
"""Digits of the longest sequence number; padded to it, sequence numbers sort as texts."""

REPEATED_FIELD = "_repeated"
NESTED_FIELD = "_nested"
"""What landing adds only where it applies, because JSON readers disagree on it: the names that stand twice,
and the names whose value is an object or array, as one text with a comma before, between and after."""

RESERVED_FIELDS: frozenset[str] = frozenset(
    {PARTITION_FIELD, OFFSET_FIELD, SHARD_FIELD, SEQUENCE_FIELD, TIMESTAMP_FIELD, REPEATED_FIELD, NESTED_FIELD}
)
"""Names that no posted record may hold, on either route."""


@dataclass(frozen=True, slots=True)
class CleanedPlaces:
    """Where an entity's records are cleaned from and to, on one route.

    Attributes:
        source: the topic or stream.
        table_uri: the cleaned Delta table.
        quarantine_uri: the Delta table of records that cleaning rejected.
    """

    source: str
    table_uri: str
    quarantine_uri: str


@dataclass(frozen=True, slots=True)
class Names:
    """Names of everything that belongs to one user id.

    Args:
        user_id: the user id of SPEC 2.
        bucket: the bucket that holds raw objects, tables and the page.
    """

    user_id: str
    bucket: str

    def topic(self, entity: Entity) -> str:
        """The Kafka topic of an entity."""
        return f"{self.user_id}.{entity.name}"

    def stream(self, entity: Entity) -> str:
        """The Kinesis stream of an entity."""
        return f"streaming-{self.user_id}-{entity.name}"

    def table(self, entity: Entity) -> str:
        """The name of an entity's cleaned table."""
        return f"{self.user_id}_{entity.name}_table"

    def cleaned_uri(self, entity: Entity) -> str:
        """Where an entity's cleaned Delta table lies."""
        return self.uri(f"delta/cleaned/{self.table(entity)}")

    def cleaned_quarantine_uri(self, entity: Entity) -> str:
        """Where the Delta table of records lies that cleaning rejected."""
        return self.uri(f"{CLEANED_QUARANTINE_PREFIX}{self.table(entity)}")

    def staging_uri(self, entity: Entity, route: Route, run_id: str) -> str:
        """Where one run keeps what it cleaned until the table has taken it; a folder of its own for each run."""
        return self.uri(f"{self.staging_prefix(entity, route)}{run_id}")

    def staging_prefix(self, entity: Entity, route: Route) -> str:
        """Below what keys the staging folders of an entity's runs lie, on a route."""
        middle = "stream/" if route is Route.KINESIS else ""
        return f"{STAGING_PREFIX}{middle}{self.table(entity)}/"

    def cleaned_stream_uri(self, entity: Entity) -> str:
        """Where the cleaned Delta table of an entity's stream lies."""
        return self.uri(f"delta/cleaned_stream/{self.table(entity)}")

    def cleaned_stream_quarantine_uri(self, entity: Entity) -> str:
        """Where the Delta table of a stream's records lies that cleaning rejected."""
        return self.uri(f"{CLEANED_STREAM_QUARANTINE_PREFIX}{self.table(entity)}")

    def places(self, entity: Entity, route: Route) -> CleanedPlaces:
        """Where an entity's records are cleaned from and to, on a route."""
        if route is Route.KINESIS:
            return CleanedPlaces(
                self.stream(entity), self.cleaned_stream_uri(entity), self.cleaned_stream_quarantine_uri(entity)
            )
        return CleanedPlaces(self.topic(entity), self.cleaned_uri(entity), self.cleaned_quarantine_uri(entity))

    def report_uri(self, key: str) -> str:
        """Where a report's Delta table lies."""
        return self.uri(f"delta/reports/{key}")

    def uri(self, key: str) -> str:
        """The address of an object key in the bucket."""
        return f"s3://{self.bucket}/{key}"


EPOCH_TAG = "epoch"
"""The tag by which a stream that was deleted and made anew is told from its predecessor."""
