"""References of the catalog to functions."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pinterest_platform.failures import PermanentFailure

Reference = str | Callable[..., Any]
"""A function, or its address as `module:function`. An address keeps the catalog light: pyspark is imported when the
function is first used."""


def resolve(reference: Reference) -> Callable[..., Any]:
    """Return the function that a reference names.

    Raises:
        PermanentFailure: the module or the function does not exist.
    """
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    try:
        function: Callable[..., Any] = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise PermanentFailure(
            f"The function {reference!r} of the catalog cannot be imported: {error}.", "Write it as module:function."
        ) from error
    return function
