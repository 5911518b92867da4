"""`python -m emulators`."""

import os
import signal

# The imports below take a second: Ctrl-C during them ends the process with the same exit code as later.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from emulators import COMMAND  # noqa: E402
from emulators.cli import main  # noqa: E402

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(prog_name=COMMAND)
