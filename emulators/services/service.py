"""The description of a service as data; each service's module creates one."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulators.home import Home


class Unhealthy(Exception):
    """A failed health probe; the text is the reason in a few words."""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to run: its arguments and the folder that it runs in."""

    arguments: tuple[str, ...]
    folder: Path


def _nothing(_: Home) -> None:
    """Do nothing."""


def _no_variables(_: Home) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Service:
    """One supervised service.

    Args:
        name: its name in `status`, its log and its supervisor entry.
        ports: names of its ports, which the home keeps.
        url: its address for clients.
        command: prepares its files and returns the command to run; called at every start, also after a crash.
        probe: checks that the service serves; raises Unhealthy.
        provide: creates what clients need (topics, a bucket) once it serves; can be repeated.
        variables: variables for the environment of clients.
        progress: matches lines of its log that show progress of a slow start, such as a recovery after a crash.
    """

    name: str
    ports: tuple[str, ...]
    url: Callable[[Home], str]
    command: Callable[[Home], Command]
    probe: Callable[[Home], None]
    provide: Callable[[Home], None] = _nothing
    variables: Callable[[Home], Mapping[str, str]] = _no_variables
    progress: re.Pattern[str] | None = None
