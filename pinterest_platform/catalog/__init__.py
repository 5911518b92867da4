"""The catalog: the entities and the reports, each declared in one file, and the names that derive from them.

Importing it loads neither pyspark nor Dagster.
"""

from pinterest_platform.catalog.entities import ENTITIES
from pinterest_platform.catalog.entities.geo import ENTITY as GEO
from pinterest_platform.catalog.entities.pin import ENTITY as PIN
from pinterest_platform.catalog.entities.user import ENTITY as USER
from pinterest_platform.catalog.model import KEY, Column, Entity, Field, Report, ReportColumn
from pinterest_platform.catalog.names import (
    ADOPTED_PREFIX,
    CHECKPOINTS_PREFIX,
    CHECKS_PREFIX,
    CLEANED_QUARANTINE_PREFIX,
    CLEANED_STREAM_QUARANTINE_PREFIX,
    EARLIEST_PLAUSIBLE_MS,
    EPOCH_TAG,
    LATEST_PLAUSIBLE_MS,
    MERGED_PREFIX,
    NESTED_FIELD,
    OFFSET_FIELD,
    ORDER_FIELD,
    PAGE_KEY,
    PARTITION_FIELD,
    QUARANTINE_PREFIX,
    READABLE_FIELD,
    REPEATED_FIELD,
    RESERVED_FIELDS,
    SEQUENCE_DIGITS,
    SEQUENCE_FIELD,
    SHARD_FIELD,
    SIGHTINGS_PREFIX,
    SITE_PREFIX,
    STAGING_PREFIX,
    STREAMS_PREFIX,
    TIMESTAMP_FIELD,
    TOPICS_PREFIX,
    CleanedPlaces,
    Names,
    Route,
    dated_page_key,
    day_of_page,
)
from pinterest_platform.catalog.references import Reference, resolve
from pinterest_platform.catalog.reports import REPORT_KEYS, REPORTED_ENTITIES, REPORTS

__all__ = [
    "ADOPTED_PREFIX",
    "CHECKPOINTS_PREFIX",
    "CHECKS_PREFIX",
    "CLEANED_QUARANTINE_PREFIX",
    "CLEANED_STREAM_QUARANTINE_PREFIX",
    "EARLIEST_PLAUSIBLE_MS",
    "ENTITIES",
    "EPOCH_TAG",
    "GEO",
    "KEY",
    "LATEST_PLAUSIBLE_MS",
    "MERGED_PREFIX",
    "NESTED_FIELD",
    "OFFSET_FIELD",
    "ORDER_FIELD",
    "PAGE_KEY",
    "PARTITION_FIELD",
    "PIN",
    "QUARANTINE_PREFIX",
    "READABLE_FIELD",
    "REPEATED_FIELD",
    "REPORTED_ENTITIES",
    "REPORTS",
    "REPORT_KEYS",
    "RESERVED_FIELDS",
    "SEQUENCE_DIGITS",
    "SEQUENCE_FIELD",
    "SHARD_FIELD",
    "SIGHTINGS_PREFIX",
    "SITE_PREFIX",
    "STAGING_PREFIX",
    "STREAMS_PREFIX",
    "TIMESTAMP_FIELD",
    "TOPICS_PREFIX",
    "USER",
    "CleanedPlaces",
    "Column",
    "Entity",
    "Field",
    "Names",
    "Reference",
    "Report",
    "ReportColumn",
    "Route",
    "dated_page_key",
    "day_of_page",
    "entity_named",
    "report_with_key",
    "resolve",
]


def entity_named(name: str) -> Entity:
    """Return an entity by its name.

    Raises:
        ValueError: there is none of that name.
    """
    for entity in ENTITIES:
        if entity.name == name:
            return entity
    raise ValueError(f"There is no entity {name!r}; the entities are {', '.join(map(str, ENTITIES))}.")


def report_with_key(key: str) -> Report:
    """Return a report by its key.

    Raises:
        ValueError: there is none with that key.
    """
    for report in REPORTS:
        if report.key == key:
            return report
    raise ValueError(f"There is no report {key!r}; the reports are {', '.join(REPORT_KEYS)}.")
