"""A private MariaDB server."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

_STARTING_SECONDS = 60


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _responses(port: int) -> bool:
    try:
        pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2).close()
    except pymysql.err.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The URL of an empty schema in a private MariaDB server that the session starts and stops.

    Its default character set is latin1, as on old servers: the tables have to specify utf8mb4.
    """
    install, server = shutil.which("mariadb-install-db"), shutil.which("mariadbd") or shutil.which("/usr/sbin/mariadbd")
    if not install or not server or not shutil.which("my_print_defaults"):
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server-core mariadb-client-core")
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        port = _free_port()
        # The server refuses to run as root without --user=root.
        common = ["--no-defaults", f"--datadir={folder}/data", *(["--user=root"] if os.geteuid() == 0 else [])]
        subprocess.run([install, *common, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
        process = subprocess.Popen(
            [
                server,
                *common,
                f"--socket={folder}/socket",
                f"--port={port}",
                "--bind-address=127.0.0.1",
                "--skip-log-bin",
                "--innodb-flush-log-at-trx-commit=0",
                "--character-set-server=latin1",
                f"--log-error={folder}/log",
            ]
        )
        try:
            _await(process, port, Path(folder) / "log")
            with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection:
                connection.cursor().execute("CREATE DATABASE pinterest")
            yield f"mysql+pymysql://root@127.0.0.1:{port}/pinterest"
        finally:
            process.terminate()
            process.wait(30)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS
    while not _responses(port):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"MariaDB did not start: {log.read_text()[-2000:] if log.is_file() else 'there is no log'}")
        time.sleep(0.1)
