"""Blocking checks of the cleaned tables."""

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.orchestration.table_checks import table_checks

CHECKS = [table_checks("cleaned", entity, Route.KAFKA) for entity in ENTITIES]
