"""Emulated surroundings of the platform: `python -m emulators`."""
