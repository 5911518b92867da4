"""The supervisor's start command: `python -m emulators.services.launch NAME` prepares a service and becomes it."""

import os
import sys

from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.registry import by_name


def main(name: str) -> None:
    """Replace this process by the service of the home in PINTEREST_HOME."""
    try:
        command = by_name(name).command(Home.find())
    except EmulatorFailure as failure:
        sys.exit(f"{name}: {failure}")
    os.chdir(command.folder)
    os.execv(command.arguments[0], command.arguments)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1])
