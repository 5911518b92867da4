"""The entities, one module each: a module of this folder that defines `ENTITY` declares one."""

from importlib import import_module
from pkgutil import iter_modules

from pinterest_platform.catalog.model import Entity


def _discover() -> tuple[Entity, ...]:
    entities = (import_module(f"{__name__}.{module.name}").ENTITY for module in iter_modules(__path__))
    return tuple(sorted(entities, key=lambda entity: entity.order))


ENTITIES: tuple[Entity, ...] = _discover()
"""Every entity, in order."""
