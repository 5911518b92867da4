"""The workspace as a supervised service."""

import socket
from pathlib import Path

import pytest

from emulators.home import Home
from emulators.services.databricks.options import CLUSTER_ID
from emulators.services.databricks.service import SERVICE
from pinterest_platform_tests.emulators.services.databricks.server import client, lines, run_script
from pinterest_platform_tests.emulators.services.serving import supervised


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / 'höme "quoted"')
    home.prepare(None)
    with socket.create_server(("127.0.0.1", 0)) as free:
        home.keep_ports({"databricks": free.getsockname()[1], "s3": 1})
    return home


def test_it_is_healthy_when_it_serves_this_home_and_its_jobs_have_s3(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "elsewhere")
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    with supervised(SERVICE, home, tmp_path / "other"):
        variables = SERVICE.variables(home)
        workspace = client(variables["DATABRICKS_HOST"], variables["DATABRICKS_TOKEN"])
        text = (
            "import os\nfor name in ('AWS_ENDPOINT_URL', 'AWS_REGION', 'SECRET_OF_THE_SERVER'): print(os.getenv(name))"
        )
        assert lines(workspace, run_script(workspace, text)) == ["http://127.0.0.1:1", "us-east-1", "None"]
    assert variables == {
        "DATABRICKS_HOST": SERVICE.url(home),
        "DATABRICKS_TOKEN": home.databricks_token,
        "DATABRICKS_CLUSTER_ID": CLUSTER_ID,
        "PINTEREST_DATABRICKS_VOLUME": "/Volumes/main/default/pinterest",
    }
    assert home.databricks_token not in " ".join(SERVICE.command(home).arguments)
    secrets = [home.databricks_token_file, home.run / "databricks-profile.json"]
    assert [file.stat().st_mode & 0o077 for file in secrets] == [0, 0]
