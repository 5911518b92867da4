"""What must hold of a cleaned table before anything is built on it."""

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.orchestration.table_checks import sound_table

CHECKS = [sound_table("cleaned", entity, Route.KAFKA) for entity in ENTITIES]
