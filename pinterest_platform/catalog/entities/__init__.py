"""The entities: each module of this folder declares one, as `ENTITY`."""

from pinterest_platform.catalog.discovery import declarations
from pinterest_platform.catalog.model import Entity

ENTITIES: tuple[Entity, ...] = declarations(__name__, __path__, "ENTITY", Entity, "name")
"""Every entity, in order."""
