"""`python -m emulators.services.databricks`: serve on 127.0.0.1 until a signal to stop."""

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from emulators.failures import EmulatorFailure
from emulators.services.databricks.app import Api
from emulators.services.databricks.core import open_core
from emulators.services.databricks.options import Options
from emulators.services.http_guard import Guard
from emulators.services.web import listen, serve_on, whole_number


def options(arguments: list[str]) -> Options:
    """Return the settings of a command line; a wrong one ends the process with its usage and the reason.

    Raises:
        EmulatorFailure: a named file cannot be read.
    """
    defaults = Options(Path(), "")
    parser = argparse.ArgumentParser("python -m emulators.services.databricks", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of runs, clusters and files")
    parser.add_argument("--token-file", type=Path, required=True, help="file of the clients' token")
    parser.add_argument("--profile", type=Path, help="JSON file of environment variables for every job")
    parser.add_argument("--port", type=whole_number(0), default=0, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--cluster-seconds", type=float, default=defaults.cluster_seconds, metavar="S",
                        help="start time of a cluster")  # fmt: skip
    parser.add_argument(
        "--processes", type=whole_number(1), default=defaults.processes, help="tasks that run concurrently"
    )
    parser.add_argument("--kept-runs", type=whole_number(0), default=defaults.kept_runs, help="finished runs to keep")
    parser.add_argument("--controls", action="store_true", help="enable POST /_faults for tests")
    values = vars(parser.parse_args(arguments))
    token, profile = values.pop("token_file"), values.pop("profile")
    return Options(token=_text(token).strip(), profile=_profile(profile) if profile else {}, **values)


def main(arguments: list[str]) -> None:
    """Serve the workspace until a signal ends it."""
    try:
        settings = options(arguments)
        listener = listen(settings.port)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = Api(open_core(settings, url))
    except EmulatorFailure as failure:
        sys.exit(f"databricks: {failure}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    serve_on(listener, Guard(app), "databricks")


def _text(path: Path) -> str:
    try:
        text = path.read_text()
    except OSError as error:
        raise EmulatorFailure(f"{path} cannot be read: {error.strerror}.", "Name a readable file.") from None
    if not text.strip():
        raise EmulatorFailure(f"{path} is empty.", "Write the token or the variables into it.")
    return text


def _profile(path: Path) -> Mapping[str, str]:
    try:
        variables = json.loads(_text(path))
    except ValueError as error:
        raise EmulatorFailure(f"{path} is not JSON: {error}.", "Write an object of strings into it.") from None
    if not isinstance(variables, dict):
        raise EmulatorFailure(f"{path} holds no JSON object.", "Write an object of strings into it.")
    return variables


if __name__ == "__main__":
    main(sys.argv[1:])
