"""The environment variables that clients of a home need, the platform among them."""

import os
import shlex
import urllib.request
from collections.abc import Callable

from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.registry import SERVICES


def variables(home: Home) -> dict[str, str]:
    """Return every variable by name.

    Raises:
        EmulatorFailure: the home was never brought up.
    """
    values = {
        "PINTEREST_HOME": str(home.root),
        "PINTEREST_USER_ID": home.user_id,
        "PINTEREST_SOURCE_DATABASE_URL": home.database_url,
        "DAGSTER_HOME": str(home.dagster),
    }
    for service in SERVICES:
        values |= service.variables(home)
    return values | _proxy_exceptions()


def lookup(home: str | None) -> Callable[[str], str]:
    """Return a function that returns a variable: in this process's environment if no home is named, else in the home.

    Args:
        home: the value of `--home`; None if it was not given.
    """

    def find(name: str) -> str:
        if home is None and os.environ.get(name):
            return os.environ[name]
        values = variables(Home.find(home))
        if name not in values:
            raise EmulatorFailure(f"{name} is not set.", "Set it, or run `up` again.")
        return values[name]

    return find


def as_exports(environment: dict[str, str]) -> str:
    """Return export lines that a shell can evaluate."""
    return "".join(f"export {name}={_quoted(value)}\n" for name, value in environment.items())


def child_environment(home: Home) -> dict[str, str]:
    """Return the environment of a process that uses the home, without variables that direct AWS clients elsewhere."""
    misleading = (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    )
    return {name: value for name, value in os.environ.items() if name not in misleading} | variables(home)


def _proxy_exceptions() -> dict[str, str]:
    """Return NO_PROXY with the services on this machine as exceptions, if proxies are set."""
    if not urllib.request.getproxies_environment():
        return {}
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    exceptions = ",".join(dict.fromkeys([*filter(None, exempt.split(",")), "127.0.0.1", "localhost"]))
    return {"NO_PROXY": exceptions, "no_proxy": exceptions}


def _quoted(value: str) -> str:
    return shlex.quote(value) if "'" in value else f"'{value}'"
