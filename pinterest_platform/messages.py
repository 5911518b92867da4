"""Parts of messages: commands, and numbers with their nouns."""

_PYTHON = ".venv/bin/python"
"""It works in the project's folder after `make setup`, also in a shell without the activated environment."""

CLI_COMMAND = f"{_PYTHON} -m pinterest_platform.cli"
EMULATORS_COMMAND = f"{_PYTHON} -m emulators"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 record, 2,000 records."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
