"""What must hold of a cleaned table before anything is built on it."""

from pinterest_platform.dagster_support.soundness import sound_table
from pinterest_platform.entities import Entity, Route

CHECKS = [sound_table("cleaned", entity, Route.KAFKA) for entity in Entity]
