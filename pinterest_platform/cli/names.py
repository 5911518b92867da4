"""Names that a user types; the error about an unknown one names a similar one."""

import difflib
from collections.abc import Sequence

import click


class OneOf(click.ParamType):
    """The name of one of several things.

    Args:
        kind: the thing, such as `entity`.
        plural: the things.
        names: their names.
    """

    def __init__(self, kind: str, plural: str, names: Sequence[str]) -> None:
        self.name = kind
        self._plural = plural
        self._names = names

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; fail with a suggestion if there is no such thing."""
        if value not in self._names:
            choices = f"{self._plural.capitalize()}: {', '.join(self._names)}."
            self.fail(f"There is no {self.name} {value}.{suggestion(value, self._names)} {choices}", param, ctx)
        return value


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return a sentence that suggests the most similar of some names; empty if none is similar."""
    similar = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=1, cutoff=0.5)
    return f" Did you mean {similar[0]}?" if similar else ""
