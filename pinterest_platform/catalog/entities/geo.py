"""Where a pin was posted."""

from pinterest_platform.catalog.model import Entity

ENTITY = Entity(name="geo", order=2, key_field="ind")
