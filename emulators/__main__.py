"""`python -m emulators`."""

from emulators.cli import main

main(prog_name="python -m emulators")
