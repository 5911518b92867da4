"""The Databricks workspace as a supervised service."""

import json
import sys
from pathlib import Path

from emulators.home import Home, write_private
from emulators.services import s3
from emulators.services.databricks.options import CLUSTER_ID, VOLUME
from emulators.services.probes import expect_own_server
from emulators.services.service import Command, Service


def url(home: Home) -> str:
    """Return the address for clients."""
    return f"http://127.0.0.1:{home.port('databricks')}"


def _data(home: Home) -> Path:
    return home.root / "databricks"


def _command(home: Home) -> Command:
    settings = ("--data", str(_data(home)), "--port", str(home.port("databricks")))
    secrets = ("--token-file", str(home.databricks_token_file), "--profile", str(_profile(home)))
    return Command((sys.executable, "-m", "emulators.services.databricks", *settings, *secrets), home.root)


def _profile(home: Home) -> Path:
    """Write the file of the variables that jobs need for S3, in the role of an instance profile; return its path."""
    file = home.run / "databricks-profile.json"
    write_private(file, json.dumps(s3.client_variables(home)))
    return file


SERVICE = Service(
    name="databricks",
    ports=("databricks",),
    url=url,
    command=_command,
    probe=lambda home: expect_own_server(url(home), _data(home)),
    variables=lambda home: {
        "DATABRICKS_HOST": url(home),
        "DATABRICKS_TOKEN": home.databricks_token,
        "DATABRICKS_CLUSTER_ID": CLUSTER_ID,
        "PINTEREST_DATABRICKS_VOLUME": f"/Volumes/{VOLUME}",
    },
)
