"""What a service of the emulators is, told as data; one file per service makes one of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulators.home import Home


class Unhealthy(Exception):
    """A probe found a service not serving; the text is the reason, in a few words."""


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
        ports: names of the ports that it listens on, kept in the home.
        url: where clients reach it.
        command: prepares its files and says what to run; called at every start, also after a crash.
        probe: asks the service itself whether it serves; raises Unhealthy.
        provide: makes what clients expect to be there once it serves (topics, a bucket); can be repeated.
        variables: what it adds to the environment of clients.
    """

    name: str
    ports: tuple[str, ...]
    url: Callable[[Home], str]
    command: Callable[[Home], Command]
    probe: Callable[[Home], None]
    provide: Callable[[Home], None] = _nothing
    variables: Callable[[Home], Mapping[str, str]] = _no_variables
