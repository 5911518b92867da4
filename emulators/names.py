"""Names of commands and services that a user types; the error about an unknown one names similar ones."""

import difflib
from collections.abc import Sequence

import click


class ServiceCommand(click.Command):
    """A command on one service, whose help names the services."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names of the services before the exit codes."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(f"Services: {', '.join(_service_names())}.")
        super().format_epilog(ctx, formatter)


class ServiceName(click.ParamType):
    """The name of a service."""

    name = "service"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; fail with a suggestion if there is no such service."""
        names = _service_names()
        if value not in names:
            self.fail(
                f"There is no service {value}.{suggestion(value, names)} Services: {', '.join(names)}.", param, ctx
            )
        return value


def _service_names() -> list[str]:
    from emulators.services.registry import SERVICES

    return [service.name for service in SERVICES]


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return a question that names the most similar names: those that are nearly as similar as the first one."""
    typed = name.lower().replace("-", "_")
    similar = difflib.get_close_matches(typed, names, cutoff=0.5)
    if not similar:
        return ""
    most = difflib.SequenceMatcher(None, similar[0], typed).ratio()
    return f" Did you mean {' or '.join(difflib.get_close_matches(typed, similar, cutoff=most - 0.1))}?"
