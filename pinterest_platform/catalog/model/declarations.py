"""Checks of declarations."""

import re
from collections.abc import Sequence
from typing import NoReturn

from pinterest_platform.failures import PermanentFailure

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
"""Names that need no quotes in JSON paths, SQL and the mark of nested fields (rule L8)."""


def check_names(subject: str, kind: str, names: Sequence[str]) -> None:
    """Raise PermanentFailure if a declaration has a name with other characters, or one name twice."""
    if wrong := [name for name in names if not _NAME.fullmatch(name)]:
        refuse(f"{subject} declares the {kind} {wrong[0]!r}", "Use letters, digits and _, and begin with a letter.")
    lowered = [name.lower() for name in names]
    if twice := sorted({name for name in lowered if lowered.count(name) > 1}):
        refuse(f"{subject} declares the {kind} {twice[0]!r} twice; case does not count", "Rename one of them.")


def refuse(what: str, action: str) -> NoReturn:
    """Raise the failure of a declaration that contradicts itself."""
    raise PermanentFailure(f"{what}.", action)
