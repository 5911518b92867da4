"""The catalog: what the platform is about, as data. Light to import: neither pyspark nor dagster."""

from pinterest_platform.catalog.entities import ENTITIES
from pinterest_platform.catalog.entities.geo import ENTITY as GEO
from pinterest_platform.catalog.entities.pin import ENTITY as PIN
from pinterest_platform.catalog.entities.user import ENTITY as USER
from pinterest_platform.catalog.model import Entity
from pinterest_platform.catalog.names import (
    ADOPTED_PREFIX,
    CLEANED_QUARANTINE_PREFIX,
    CLEANED_STREAM_QUARANTINE_PREFIX,
    EPOCH_TAG,
    NESTED_FIELD,
    OFFSET_FIELD,
    PAGE_KEY,
    PARTITION_FIELD,
    QUARANTINE_PREFIX,
    REPEATED_FIELD,
    RESERVED_FIELDS,
    SEQUENCE_DIGITS,
    SEQUENCE_FIELD,
    SHARD_FIELD,
    SIGHTINGS_PREFIX,
    STAGING_PREFIX,
    STREAMS_PREFIX,
    TIMESTAMP_FIELD,
    TOPICS_PREFIX,
    CleanedPlaces,
    Names,
    Route,
)
from pinterest_platform.catalog.reports import REPORT_KEYS, REPORT_SOURCES

__all__ = [
    "ADOPTED_PREFIX",
    "CLEANED_QUARANTINE_PREFIX",
    "CLEANED_STREAM_QUARANTINE_PREFIX",
    "ENTITIES",
    "EPOCH_TAG",
    "GEO",
    "NESTED_FIELD",
    "OFFSET_FIELD",
    "PAGE_KEY",
    "PARTITION_FIELD",
    "PIN",
    "QUARANTINE_PREFIX",
    "REPEATED_FIELD",
    "REPORT_KEYS",
    "REPORT_SOURCES",
    "RESERVED_FIELDS",
    "SEQUENCE_DIGITS",
    "SEQUENCE_FIELD",
    "SHARD_FIELD",
    "SIGHTINGS_PREFIX",
    "STAGING_PREFIX",
    "STREAMS_PREFIX",
    "TIMESTAMP_FIELD",
    "TOPICS_PREFIX",
    "USER",
    "CleanedPlaces",
    "Entity",
    "Names",
    "Route",
    "entity_named",
]


def entity_named(name: str) -> Entity:
    """Return an entity by its name; raises ValueError if there is none."""
    for entity in ENTITIES:
        if entity.name == name:
            return entity
    raise ValueError(f"There is no entity {name!r}; the entities are {', '.join(map(str, ENTITIES))}.")
