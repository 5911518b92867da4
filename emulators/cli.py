"""`python -m emulators`: the commands that start, show, use and stop a home's services."""

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

import click

from emulators.failures import EmulatorFailure
from emulators.home import Home

_ELSEWHERE = {
    "seed": ("emulators.source_db.cli", "seed"),
    "post": ("emulators.posting.cli", "post"),
    "check-streams": ("emulators.posting.check", "check_streams"),
}
"""Commands whose modules are slow to import, and so are imported when named."""


class _Group(click.Group):
    """A group that imports some commands late, and turns failures into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names."""
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name in _ELSEWHERE:
            module, command = _ELSEWHERE[cmd_name]
            return getattr(importlib.import_module(module), command)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a failure becomes its message on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except EmulatorFailure as failure:
            raise click.ClickException(str(failure)) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
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


@main.command()
@_home_option
def up(home: Home) -> None:
    """Start everything in the background and wait until it is healthy. Can be repeated."""
    from emulators import control

    control.up(home, click.echo)


@main.command()
@_home_option
def down(home: Home) -> None:
    """Stop everything and keep the state."""
    from emulators import control

    click.echo("stopped" if control.down(home) else "nothing was running")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_home_option
def status(home: Home, as_json: bool) -> None:
    """Say how every service is; exit code 0 when all are healthy."""
    from emulators import control, environment

    found = control.status(home)
    if as_json:
        services = {
            name: {"url": health.url, "healthy": health.healthy} | ({} if health.healthy else {"reason": health.reason})
            for name, health in found.items()
        }
        known = environment.variables(home) if home.exists and home.ports() else {}
        click.echo(json.dumps({"services": services, "env": known}, indent=2))
    else:
        for name, health in found.items():
            click.echo(
                f"{name:<12} {'healthy' if health.healthy else 'UNHEALTHY':<10} {health.url}  {health.reason}".rstrip()
            )
    sys.exit(0 if all(health.healthy for health in found.values()) else 1)


@main.command()
@_home_option
def env(home: Home) -> None:
    """Print the variables that clients need, as export lines: eval "$(python -m emulators env)"."""
    from emulators import control, environment

    if not control.is_supervised(home):
        raise EmulatorFailure(
            f"The emulators of {home.root} are not running.", f"Run: python -m emulators up --home {home.root}"
        )
    click.echo(environment.as_exports(environment.variables(home)), nl=False)


@main.command("exec", context_settings={"ignore_unknown_options": True})
@click.option("--posting", is_flag=True, help="Post steadily beside it; the source database is seeded if it is empty.")
@click.option("--spark", is_flag=True, help="Run a Spark server (Sail) beside it, which the platform's runs share.")
@_home_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(home: Home, posting: bool, spark: bool, command: tuple[str, ...]) -> None:
    """Run COMMAND with everything up; what this call started it stops again."""
    from emulators import session

    sys.exit(session.run(home, command, posting=posting, spark=spark))


@main.command()
def fetch() -> None:
    """Bring the Kafka broker and the S3 server into the cache, once for all homes."""
    from emulators.services import jars

    click.echo(f"jars in {jars.fetch(click.echo)}")
