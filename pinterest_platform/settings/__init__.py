"""The only reader of the environment.

Resources call `load` when they are first used. While definitions load, only the names are read, and never fail.
"""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from pinterest_platform.catalog import Names
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.messages import EMULATORS_COMMAND
from pinterest_platform.settings.model import (
    AlertSettings,
    HomeSettings,
    NameSettings,
    Settings,
    derived_names,
)

__all__ = [
    "AlertSettings",
    "Settings",
    "load",
    "load_for_alerts",
    "load_home",
    "names_at_load",
]

T = TypeVar("T", bound=BaseSettings)


def load() -> Settings:
    """Read the environment.

    Raises:
        PermanentFailure: variables are missing or wrong; the message names all of them and shows no secret.
    """
    return _read(Settings)


def names_at_load() -> Names:
    """Return the names that descriptions of assets show; if a variable is wrong, placeholders: a run reports it."""
    try:
        settings = NameSettings()
    except ValidationError:
        return Names("<user id>", "<bucket>")
    return derived_names(settings.user_id, settings.bucket)


def load_home() -> str:
    """Read only the home, which works if other variables are wrong."""
    return HomeSettings().home


def load_for_alerts() -> AlertSettings:
    """Read the variables that alerts need; raises as `load` does, for these variables only."""
    return _read(AlertSettings)


def _read(kind: type[T]) -> T:
    try:
        return kind()
    except ValidationError as error:
        problems = "; ".join(f"{issue['loc'][0]}: {issue['msg']}" for issue in error.errors(include_input=False))
        raise PermanentFailure(
            f"Environment variables are missing or wrong: {problems}.",
            f'Set them (".env.example" explains each), or run: eval "$({EMULATORS_COMMAND} env)".',
        ) from None
