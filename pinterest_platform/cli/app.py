"""The commands of `pinterest` by name."""

import importlib
from typing import Any

import click

from pinterest_platform.cli.names import suggestion
from pinterest_platform.cli.process import INTERRUPTED

_COMMANDS = ("reports", "rows", "quarantine", "metrics", "doctor")
"""Each is a function in the module of its name, which is imported when it is used."""

_EXIT_CODES = "Exit codes: 0 success; 1 failure, reason on stderr; 2 wrong usage; 130, 143 Ctrl-C, SIGTERM."


class _Group(click.Group):
    """A group that imports its commands lazily and ends without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [*super().list_commands(ctx), *_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name in _COMMANDS:
            return getattr(importlib.import_module(f"pinterest_platform.cli.{cmd_name}"), cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the named command; the error for an unknown name suggests a similar one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message}{suggestion(args[0], _COMMANDS)}", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C and a reader that closes the pipe, such as `head`, end it with their exit codes."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise click.exceptions.Exit(0) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXIT_CODES)
def main() -> None:
    """Print the platform's results and state. The settings are read from the environment."""
