"""A home: the folder that holds the ports, keys, logs and data of one set of emulators.

Homes are independent of each other; any number of them can run at the same time. Only their owner can read them.
"""

import base64
import contextlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators import COMMAND
from emulators.failures import EmulatorFailure

DEFAULT_USER_ID = "0a1153066525"
"""The default user id (rule N1)."""

REGION = "us-east-1"

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout. The emulators read two files of the platform by path: its API document and its dagster.yaml."""


@dataclass(frozen=True, slots=True)
class Home:
    """A home folder.

    Args:
        root: its absolute path; it need not exist yet.
    """

    root: Path

    @classmethod
    def find(cls, option: str | None = None) -> "Home":
        """Return the home named by `--home`, else by PINTEREST_HOME, else `.platform` in the working directory."""
        return cls(Path(option or os.environ.get("PINTEREST_HOME") or ".platform").expanduser().resolve())

    @property
    def logs(self) -> Path:
        """Folder of the services' logs."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Folder of files that matter only while the services run: lock, pid, configuration."""
        return self.root / "run"

    @property
    def dagster(self) -> Path:
        """The DAGSTER_HOME."""
        return self.root / "dagster"

    @property
    def exists(self) -> bool:
        """True if `up` has ever set this home up."""
        return self._identity_file.is_file()

    @property
    def user_id(self) -> str:
        """The user id, from which all names derive (rule N1)."""
        return self._identity()["user_id"]

    @property
    def cluster_id(self) -> str:
        """The id of the home's Kafka cluster."""
        return self._identity()["cluster_id"]

    @property
    def bucket(self) -> str:
        """The bucket's name (rule N4)."""
        return bucket_of(self.user_id)

    @property
    def api_key(self) -> str:
        """The API key of the gateway."""
        return self._read("api_key").strip()

    @property
    def databricks_token_file(self) -> Path:
        """The file of the Databricks workspace's token."""
        return self.root / "databricks_token"

    @property
    def databricks_token(self) -> str:
        """The token of the Databricks workspace."""
        return self._read("databricks_token").strip()

    @property
    def ports_file(self) -> Path:
        """The file of the chosen ports."""
        return self.root / "ports.json"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the home's own source database."""
        return f"sqlite:///{self.database_file}"

    @property
    def database_file(self) -> Path:
        """The file of the home's own source database."""
        return self.root / "source.db"

    def ports(self) -> dict[str, int]:
        """Return the kept ports by name; empty if none were chosen."""
        return _load(self.ports_file) if self.ports_file.is_file() else {}

    def port(self, name: str) -> int:
        """Return one kept port.

        Raises:
            EmulatorFailure: the home was never brought up.
        """
        try:
            return self.ports()[name]
        except KeyError:
            raise self._never_up() from None

    def keep_ports(self, ports: Mapping[str, int]) -> None:
        """Save the ports for every later start."""
        write_private(self.ports_file, json.dumps(dict(ports), indent=2) + "\n")

    def prepare(self, user_id: str | None) -> None:
        """Create the folders, the identity, the API key and the token if they are missing.

        Args:
            user_id: the new user id; None keeps the present one, or uses the default in a new home.

        Raises:
            EmulatorFailure: the folder cannot be written, or the user id gives no valid names.
        """
        try:
            make_private_folder(self.root)
            for folder in (self.logs, self.run, self.dagster):
                folder.mkdir(exist_ok=True)
            present = self._identity() if self.exists else {"user_id": DEFAULT_USER_ID, "cluster_id": _new_cluster_id()}
            identity = {**present, "user_id": _valid(user_id)} if user_id else present
            if identity != present or not self.exists:
                write_private(self._identity_file, json.dumps(identity, indent=2) + "\n")
            for name, secret in (("api_key", secrets.token_urlsafe(30)), ("databricks_token", _new_token())):
                if not (self.root / name).is_file():
                    write_private(self.root / name, secret + "\n")
            shutil.copyfile(PROJECT / "pinterest_platform" / "dagster.yaml", self.dagster / "dagster.yaml")
        except OSError as error:
            raise EmulatorFailure(
                f"The home {self.root} cannot be written: {error}.", "Make it writable, or choose another with --home."
            ) from None

    @property
    def _identity_file(self) -> Path:
        return self.root / "home.json"

    def _identity(self) -> dict[str, Any]:
        if not self.exists:
            raise self._never_up()
        return _load(self._identity_file)

    def _read(self, name: str) -> str:
        try:
            return (self.root / name).read_text()
        except FileNotFoundError:
            raise self._never_up() from None

    def _never_up(self) -> EmulatorFailure:
        return EmulatorFailure(f"The home {self.root} was never brought up.", f"Run: {COMMAND} up --home {self.root}")


def bucket_of(user_id: str) -> str:
    """Return the bucket's name for a user id: `user-<user>-bucket`, in lower case and without underscores for S3."""
    return f"user-{user_id.lower().replace('_', '-')}-bucket"


def _valid(user_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,51}", user_id):
        raise EmulatorFailure(
            f"PINTEREST_USER_ID={user_id!r} gives no valid topic and bucket names.",
            "Use 1 to 51 letters, digits, - and _.",
        )
    return user_id


def _new_cluster_id() -> str:
    """Return a Kafka cluster id: 16 random bytes in URL-safe base64, not starting with a dash."""
    while True:
        text = base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        if not text.startswith("-"):
            return text


def _new_token() -> str:
    """Return a personal access token in the form of Databricks."""
    return f"dapi{secrets.token_hex(16)}"


def _load(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise EmulatorFailure(
            f"{path} is damaged ({error}).", "Delete it and run `up` again; the data is kept, except after home.json."
        ) from None


@contextmanager
def private_files() -> Iterator[None]:
    """Make all new files and folders of this process and its children accessible to their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def make_private_folder(folder: Path) -> None:
    """Create a home's folder, or make an existing one and its contents accessible to their owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & 0o077 or mode & stat.S_ISVTX:  # private already, or a folder that all users share
        return
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(FileNotFoundError):  # the services may run
                path = Path(parent, name)
                if not path.is_symlink():
                    path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
    folder.chmod(mode & 0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
