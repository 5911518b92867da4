"""A pin: what was posted."""

from pinterest_platform.catalog.model import Entity

ENTITY = Entity(name="pin", order=1, key_field="index")
