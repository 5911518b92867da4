"""The environment that clients of a home need, the platform among them."""

import os
import shlex
import urllib.request
from collections.abc import Callable

from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.registry import SERVICES


def variables(home: Home) -> dict[str, str]:
    """Every variable by name.

    Raises:
        EmulatorFailure: the home was never brought up.
    """
    found = {
        "PINTEREST_HOME": str(home.root),
        "PINTEREST_USER_ID": home.user_id,
        "PINTEREST_SOURCE_DATABASE_URL": home.database_url,
        "DAGSTER_HOME": str(home.dagster),
    }
    for service in SERVICES:
        found |= service.variables(home)
    return found | _past_proxies()


def lookup(home: str | None) -> Callable[[str], str]:
    """What finds a variable's value: in this process's environment, unless a home is named; else as the home gives it.

    Args:
        home: the value of `--home`, if it was given.
    """

    def find(name: str) -> str:
        if home is None and os.environ.get(name):
            return os.environ[name]
        found = variables(Home.find(home))
        if name not in found:
            raise EmulatorFailure(f"{name} is not known.", "Set it, or run `up` again.")
        return found[name]

    return find


def as_exports(environment: dict[str, str]) -> str:
    """The variables as lines that a shell can evaluate."""
    return "".join(f"export {name}={_quoted(value)}\n" for name, value in environment.items())


def of_child(home: Home) -> dict[str, str]:
    """The whole environment of a process that is to use the home, without what would lead AWS clients elsewhere."""
    astray = (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    )
    return {name: value for name, value in os.environ.items() if name not in astray} | variables(home)


def _past_proxies() -> dict[str, str]:
    """Where proxies are set, services on this machine have to be named as exceptions."""
    if not urllib.request.getproxies_environment():
        return {}
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    exceptions = ",".join(dict.fromkeys([*filter(None, known.split(",")), "127.0.0.1", "localhost"]))
    return {"NO_PROXY": exceptions, "no_proxy": exceptions}


def _quoted(value: str) -> str:
    return shlex.quote(value) if "'" in value else f"'{value}'"
