"""Names derived from a user id, an entity and a route: topics, streams, tables, prefixes, fields (rules N1 to N16)."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pinterest_platform.catalog.model import Entity


class Route(StrEnum):
    """A route by which posts reach the platform (rules W4 and W7)."""

    KAFKA = "kafka"
    KINESIS = "kinesis"


TOPICS_PREFIX = "topics/"
STREAMS_PREFIX = "streams/"
SIGHTINGS_PREFIX = "sightings/"
ADOPTED_PREFIX = "adopted/"
MERGED_PREFIX = "merged/"
QUARANTINE_PREFIX = "quarantine/"
CLEANED_QUARANTINE_PREFIX = "quarantine/cleaned/"
CLEANED_STREAM_QUARANTINE_PREFIX = "quarantine/cleaned_stream/"
STAGING_PREFIX = "staging/"
CHECKS_PREFIX = "checks/"
CHECKPOINTS_PREFIX = "checkpoints/"
SITE_PREFIX = "site/"
PAGE_KEY = f"{SITE_PREFIX}index.html"

PARTITION_FIELD = "_partition"
OFFSET_FIELD = "_offset"
SHARD_FIELD = "_shard"
SEQUENCE_FIELD = "_sequence"
TIMESTAMP_FIELD = "_timestamp"
"""The envelope that landing splices into every record (rule N12): partition and offset, or shard and sequence number
padded to `SEQUENCE_DIGITS` digits, and the append time in milliseconds since the epoch."""

SEQUENCE_DIGITS = 129
"""Digits of the longest sequence number. Padded to it, sequence numbers sort as text (rule K2)."""

REPEATED_FIELD = "_repeated"
NESTED_FIELD = "_nested"
"""Fields that landing adds only if they apply (rule L8): the names that occur more than once, and the names with an
object or array as value, each as one text with a comma before, between and after."""

READABLE_FIELD = "_readable"
"""A field that landing adds only if engines cannot read the line (rule L8): a line that they can read, in base64."""

ORDER_FIELD = "_ordered_at"
"""A field that landing adds only to a record with an implausible time (rule L19): the latest plausible time before it
in its partition, 0 without one."""

EARLIEST_PLAUSIBLE_MS = 946_684_800_000
"""The first millisecond of the year 2000; an earlier time is implausible (rule L19)."""

LATEST_PLAUSIBLE_MS = 4_102_444_799_999
"""The last millisecond of the year 2099. Landing flags much earlier times; this limit applies to records that were
landed before it did."""

RESERVED_FIELDS: frozenset[str] = frozenset(
    {
        PARTITION_FIELD,
        OFFSET_FIELD,
        SHARD_FIELD,
        SEQUENCE_FIELD,
        TIMESTAMP_FIELD,
        REPEATED_FIELD,
        NESTED_FIELD,
        READABLE_FIELD,
        ORDER_FIELD,
    }
)
"""Names that no posted record may have, on either route."""


def dated_page_key(day: date) -> str:
    """Return the key of the last page of a day (UTC)."""
    return f"{SITE_PREFIX}{day.isoformat()}.html"


def day_of_page(key: str) -> date | None:
    """Return the day of a dated page; None for other keys."""
    name = key.removeprefix(SITE_PREFIX).removesuffix(".html")
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if key == dated_page_key(day) else None


@dataclass(frozen=True, slots=True)
class CleanedPlaces:
    """The source of an entity's records on one route, and the tables that they are cleaned into.

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
    """Names of everything that belongs to one user id (rules N1 to N6).

    Args:
        user_id: the user id.
        bucket: the bucket of raw objects, tables and the page.
    """

    user_id: str
    bucket: str

    def topic(self, entity: Entity) -> str:
        """Return the Kafka topic of an entity."""
        return f"{self.user_id}.{entity.name}"

    def stream(self, entity: Entity) -> str:
        """Return the Kinesis stream of an entity."""
        return f"streaming-{self.user_id}-{entity.name}"

    def table(self, entity: Entity) -> str:
        """Return the name of the cleaned table of an entity."""
        return f"{self.user_id}_{entity.name}_table"

    def cleaned_uri(self, entity: Entity) -> str:
        """Return the URI of the cleaned table of an entity."""
        return self.uri(f"delta/cleaned/{self.table(entity)}")

    def cleaned_quarantine_uri(self, entity: Entity) -> str:
        """Return the URI of the table of records that cleaning rejected."""
        return self.uri(f"{CLEANED_QUARANTINE_PREFIX}{self.table(entity)}")

    def staging_uri(self, entity: Entity, route: Route, run_id: str) -> str:
        """Return the URI of the folder in which a run stages cleaned rows; each run has its own."""
        return self.uri(f"{self.staging_prefix(entity, route)}{run_id}")

    def staging_prefix(self, entity: Entity, route: Route) -> str:
        """Return the prefix of the staging folders of an entity on a route."""
        middle = "stream/" if route is Route.KINESIS else ""
        return f"{STAGING_PREFIX}{middle}{self.table(entity)}/"

    def cleaned_stream_uri(self, entity: Entity) -> str:
        """Return the URI of the cleaned table of an entity's stream."""
        return self.uri(f"delta/cleaned_stream/{self.table(entity)}")

    def cleaned_stream_quarantine_uri(self, entity: Entity) -> str:
        """Return the URI of the table of a stream's records that cleaning rejected."""
        return self.uri(f"{CLEANED_STREAM_QUARANTINE_PREFIX}{self.table(entity)}")

    def places(self, entity: Entity, route: Route) -> CleanedPlaces:
        """Return the source and the tables of an entity on a route."""
        if route is Route.KINESIS:
            return CleanedPlaces(
                self.stream(entity), self.cleaned_stream_uri(entity), self.cleaned_stream_quarantine_uri(entity)
            )
        return CleanedPlaces(self.topic(entity), self.cleaned_uri(entity), self.cleaned_quarantine_uri(entity))

    @property
    def computed_reports_uri(self) -> str:
        """Return the address of the record of computed reports, which saves computing them again."""
        return self.uri("delta/reports/_computed.json")

    def report_uri(self, key: str) -> str:
        """Return the URI of the table of a report."""
        return self.uri(f"delta/reports/{key}")

    def uri(self, key: str) -> str:
        """Return the URI of an object key in the bucket."""
        return f"s3://{self.bucket}/{key}"


EPOCH_TAG = "epoch"
"""The tag that distinguishes a recreated stream from its predecessor (rule K9)."""
