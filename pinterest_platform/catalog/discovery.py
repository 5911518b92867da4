"""Discovery of declarations: one for each module of a folder."""

from collections.abc import Iterable
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from typing import TypeVar

from pinterest_platform.catalog.model import Entity, Report
from pinterest_platform.failures import PermanentFailure

Declaration = TypeVar("Declaration", Entity, Report)


def declarations(
    package: str, path: Iterable[str], constant: str, kind: type[Declaration], identity: str
) -> tuple[Declaration, ...]:
    """Import each module of a package and return the constants that they declare, by their `order`.

    Args:
        package: the name of the package.
        path: its `__path__`.
        constant: the name of the constant.
        kind: its type.
        identity: the attribute that has to equal the name of the module.

    Raises:
        PermanentFailure: a module declares nothing, has another name than its declaration, or two have one order.
    """
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(path)]
    for module in modules:
        declaration = getattr(module, constant, None)
        if not isinstance(declaration, kind):
            raise PermanentFailure(
                f"{module.__file__} declares no {kind.__name__}.", f"Assign one to {constant}, or move the file away."
            )
        if getattr(declaration, identity) != module.__name__.rpartition(".")[2]:
            raise PermanentFailure(
                f"{module.__file__} declares the {identity} {getattr(declaration, identity)!r}.",
                f"Name the file after the {identity}.",
            )
    ordered = sorted((getattr(module, constant) for module in modules), key=lambda declaration: declaration.order)
    for first, second in pairwise(ordered):
        if first.order == second.order:
            raise PermanentFailure(
                f"{getattr(first, identity)} and {getattr(second, identity)} have the same order {first.order}.",
                "Give one of them another `order`.",
            )
    return tuple(ordered)
