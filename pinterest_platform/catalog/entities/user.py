"""Who posted a pin."""

from pinterest_platform.catalog.model import Entity

ENTITY = Entity(name="user", order=3, key_field="ind")
