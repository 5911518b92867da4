"""`python -m emulators`: the commands that start, check, use and stop a home's services."""

import errno
import importlib
import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from emulators import COMMAND
from emulators.console import discard_stdout, echo
from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.names import ServiceCommand, ServiceName, suggestion

_LAZY_COMMANDS = {
    "seed": ("emulators.source_db.cli", "seed"),
    "post": ("emulators.posting.cli", "post"),
    "check-streams": ("emulators.posting.check", "check_streams"),
}
"""Commands whose modules are slow to import and are imported when they are used."""

_EXIT_CODES = "Exit codes: 0 success; 1 failure, reason on stderr; 2 wrong usage; 130, 143 Ctrl-C, SIGTERM."


class _Group(click.Group):
    """A group that imports some commands lazily, and turns failures into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all command names."""
        return sorted([*super().list_commands(ctx), *_LAZY_COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name in _LAZY_COMMANDS:
            module, command = _LAZY_COMMANDS[cmd_name]
            return getattr(importlib.import_module(module), command)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the named command; the error for an unknown name suggests similar names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            similar = suggestion(args[0], self.list_commands(ctx))
            raise click.UsageError(f"{error.message}{similar}", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a failure becomes one line on stderr and exit code 1, Ctrl-C exit code 130."""
        try:
            return super().invoke(ctx)
        except EmulatorFailure as failure:
            raise click.ClickException(str(failure)) from None
        except KeyboardInterrupt:
            click.echo("stopped by Ctrl-C", err=True)
            raise click.exceptions.Exit(130) from None
        except BrokenPipeError:
            discard_stdout()
            raise click.exceptions.Exit(0) from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            if error.filename is None:
                discard_stdout()  # it may be what is full
            target = error.filename or "the output or a file"
            raise click.ClickException(
                f"Cannot write {target}: {error.strerror}. Free disk space, then retry."
            ) from None


def _to_regex(_context: click.Context, _parameter: click.Parameter, parts: Sequence[str]) -> re.Pattern[str] | None:
    try:
        return re.compile("|".join(f"(?:{part})" for part in parts)) if parts else None
    except re.error as error:
        raise click.BadParameter(f"not a regular expression: {error}.") from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXIT_CODES)
def main() -> None:
    """Emulated surroundings of the platform: Kafka, its REST proxy, Kinesis, an API gateway, S3 and Databricks."""


def _home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    def to_home(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Home:
        return Home.find(value)

    return click.option(
        "--home",
        callback=to_home,
        metavar="DIR",
        help="The home; else PINTEREST_HOME, else .platform.",
    )(command)


_service_argument = click.argument("service", type=ServiceName())


@main.command()
@_home_option
def up(home: Home) -> None:
    """Start all services in the background and wait until they are healthy. Can be repeated."""
    from emulators import control

    control.up(home, echo)


@main.command()
@_home_option
def down(home: Home) -> None:
    """Stop all services and keep their state."""
    from emulators import control

    echo("stopped" if control.down(home) else "nothing was running")


@main.command(cls=ServiceCommand, epilog=_EXIT_CODES)
@_home_option
@_service_argument
def stop(home: Home, service: str) -> None:
    """Stop one service, as in an outage; `start` or `up` starts it again."""
    from emulators import control

    echo(f"{service:<12} {'stopped' if control.stop_service(home, service) else 'was not running'}")


@main.command(cls=ServiceCommand, epilog=_EXIT_CODES)
@_home_option
@_service_argument
def start(home: Home, service: str) -> None:
    """Start one service and wait until it is healthy."""
    from emulators import control

    control.start_service(home, service, echo)


@main.command(cls=ServiceCommand, epilog=_EXIT_CODES)
@_home_option
@_service_argument
def restart(home: Home, service: str) -> None:
    """Stop and start one service, and wait until it is healthy."""
    from emulators import control

    control.stop_service(home, service)
    control.start_service(home, service, echo)


@main.command(cls=ServiceCommand, epilog=_EXIT_CODES)
@click.option("-n", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="Last lines to print.")
@click.option("-f", "--follow", is_flag=True, help="Print new lines until Ctrl-C.")
@_home_option
@_service_argument
def logs(home: Home, service: str, lines: int, follow: bool) -> None:
    """Print the end of a service's log."""
    from emulators import service_logs

    read = service_logs.follow if follow else service_logs.read
    for line in read(home, service, lines):
        echo(line, nl=False)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_home_option
def status(home: Home, as_json: bool) -> None:
    """Report the health of every service; the exit code is 0 if all are healthy, else 1."""
    from emulators import environment
    from emulators.health import status as health_of_services

    health_by_name = health_of_services(home)
    if as_json:
        services = {
            name: {"url": health.url, "healthy": health.healthy} | ({} if health.healthy else {"reason": health.reason})
            for name, health in health_by_name.items()
        }
        variables = environment.variables(home) if home.exists and home.ports() else {}
        echo(json.dumps({"services": services, "env": variables}, indent=2))
    else:
        for name, health in health_by_name.items():
            echo(
                f"{name:<12} {'healthy' if health.healthy else 'UNHEALTHY':<10} {health.url}  {health.reason}".rstrip()
            )
    sys.exit(0 if all(health.healthy for health in health_by_name.values()) else 1)


@main.command(help=f'Print the variables that clients need, as export lines: eval "$({COMMAND} env)".')
@_home_option
def env(home: Home) -> None:
    """Print the variables that clients need, as export lines."""
    from emulators import control, environment

    control.require_supervised(home)
    echo(environment.as_exports(environment.variables(home)), nl=False)


@main.command("exec", context_settings={"ignore_unknown_options": True})
@click.option("--posting", is_flag=True, help="Post steadily meanwhile; an empty source database is seeded first.")
@click.option("--spark", is_flag=True, help="Run a Spark server (Sail) that the platform's runs share.")
@click.option("--with", "programs", multiple=True, metavar="PROGRAM", help="Run this command meanwhile, with a log.")
@click.option("--logged", is_flag=True, help="Write the output to logs/command.log too; after Ctrl-C only there.")
@click.option(
    "--hide", "hidden", multiple=True, callback=_to_regex, help="With --logged: lines that match are only in the log."
)
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65535), help="Fail if this port of 127.0.0.1 is in use."
)
@_home_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(home: Home, command: tuple[str, ...], **company: Any) -> None:
    """Run COMMAND with all services up; services that this call started are stopped at the end.

    The exit code is that of COMMAND. Files that COMMAND creates are readable by their owner only.
    """
    from emulators import session

    sys.exit(session.run(home, command, session.Company(**company)))


@main.command()
def fetch() -> None:
    """Download the Kafka broker and the S3 server into the cache, once for all homes."""
    from emulators.services import jars

    echo(f"jars in {jars.fetch(echo)}")
