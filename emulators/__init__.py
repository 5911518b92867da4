"""Emulated surroundings of the platform: `python -m emulators`."""

COMMAND = ".venv/bin/python -m emulators"
"""It works in the project's folder after `make setup`, also in a shell without the activated environment."""
