"""Running the services under supervisord: its configuration, its life, and what it may have left behind."""

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil

from emulators.failures import EmulatorFailure
from emulators.home import PROJECT, Home

MARK = "PINTEREST_EMULATORS_OF"
"""Environment variable of every process that belongs to a home; its value is the home's path."""

_GROUP = "emulators"
_LONGEST_SOCKET_PATH = 100
"""Linux allows 107 bytes; supervisord appends its pid while it binds."""

_SETTINGS = """\
[supervisord]
nodaemon = true
silent = true
logfile = logs/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = run/supervisord.pid
childlogdir = logs
strip_ansi = true

[unix_http_server]
file = %(ENV_{mark}_SOCKET)s
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[group:{group}]
programs = {programs}
"""

_PROGRAM = """
[program:{name}]
command = {python} -m emulators.services.launch {name}
autorestart = true
startsecs = 10
startretries = 5
stopsignal = TERM
stopwaitsecs = 20
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = logs/{name}.log
stdout_logfile_maxbytes = 5MB
stdout_logfile_backups = 2
"""


class Supervisor:
    """The supervisord of one home.

    Args:
        home: a prepared home.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._configuration = home.run / "supervisord.conf"

    @property
    def socket(self) -> Path:
        """Where supervisord listens: in the home, or where that path is too long for a socket, in the temp folder."""
        inside = self._home.run / "supervisord.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
            return inside
        name = hashlib.sha256(os.fsencode(self._home.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"pinterest-emulators-{os.getuid()}-{name}" / "supervisord.sock"

    def states(self) -> dict[str, Mapping[str, Any]] | None:
        """What supervisord says of each program, by name; None where it does not run."""
        try:
            return {state["name"]: state for state in self._call("getAllProcessInfo")}
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return None

    def matches(self, names: Iterable[str]) -> bool:
        """Whether the running supervisord was configured as this code would configure it."""
        return self._configuration.is_file() and self._configuration.read_text() == _configuration(names)

    def start(self, names: Iterable[str]) -> None:
        """Start supervisord, and with it every program; it outlives this process.

        Raises:
            EmulatorFailure: it does not come up.
        """
        self._configuration.write_text(_configuration(names))
        self._make_room_for_socket()
        with (self._home.logs / "supervisord.out").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._configuration)],
                cwd=self._home.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while self.states() is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorFailure(
                    "The supervisor of the services does not start.", f"See {self._home.logs / 'supervisord.out'}."
                )
            time.sleep(0.05)

    def start_program(self, name: str) -> None:
        """Start one program that supervisord gave up on or that was stopped; a running one is left alone."""
        try:
            self._call("startProcess", f"{_GROUP}:{name}", False)
        except xmlrpc.client.Fault:
            pass  # it is running or starting already, which the health check will tell

    def stop(self) -> bool:
        """Stop every process that belongs to the home, however it came to be there.

        Returns:
            Whether there was any.
        """
        processes = self.processes()
        if not processes:
            return False
        try:
            self._call("stopAllProcesses", True)
            self._call("shutdown")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            pass  # no supervisord any more: what it left behind is ended below
        else:
            psutil.wait_procs(processes, timeout=10)
        end(self.processes())
        if self.socket.parent != self._home.run:
            shutil.rmtree(self.socket.parent, ignore_errors=True)
        return True

    def processes(self) -> list[psutil.Process]:
        """The living processes of the home: supervisord and all that it started, known by their mark."""
        return marked(MARK, str(self._home.root))

    def _environment(self) -> dict[str, str]:
        """Everything that differs between machines goes through here: no path has to be quoted in the configuration."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(PROJECT),
            "PYTHONUNBUFFERED": "1",
            "PINTEREST_HOME": str(self._home.root),
            MARK: str(self._home.root),
            f"{MARK}_SOCKET": str(self.socket),
        }

    def _make_room_for_socket(self) -> None:
        folder = self.socket.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise EmulatorFailure(
                f"{folder} belongs to another user.", "Remove it, or choose a home with a shorter path."
            )
        self.socket.unlink(missing_ok=True)

    def _call(self, method: str, *arguments: Any) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport: Any = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)
        finally:
            transport.close()


def marked(variable: str, value: str) -> list[psutil.Process]:
    """The living processes, this one aside, whose environment holds a variable of that value."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue  # gone meanwhile, or another user's
    return [process for process in found if process.pid != os.getpid()]


def end(processes: list[psutil.Process], patience: float = 15) -> None:
    """End processes: politely, and after `patience` seconds by force."""
    for process in processes:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=5)


def _configuration(names: Iterable[str]) -> str:
    known = list(names)
    python = Path(sys.executable).name
    programs = "".join(_PROGRAM.format(name=name, python=python, mark=MARK) for name in known)
    return _SETTINGS.format(mark=MARK, group=_GROUP, programs=",".join(known)) + programs
