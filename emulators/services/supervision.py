"""Running the services under supervisord: its configuration, its start and stop, and its orphaned processes."""

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
        """Path of supervisord's socket: in the home, or in the temp folder if that path is too long for a socket."""
        inside = self._home.run / "supervisord.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
            return inside
        name = hashlib.sha256(os.fsencode(self._home.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"pinterest-emulators-{os.getuid()}-{name}" / "supervisord.sock"

    def states(self) -> dict[str, Mapping[str, Any]] | None:
        """Return supervisord's state of each program by name; None if supervisord is not running."""
        try:
            return {state["name"]: state for state in self._call("getAllProcessInfo")}
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return None

    def matches(self, names: Iterable[str]) -> bool:
        """Return whether the running supervisord has the configuration that this code would write."""
        return self._configuration.is_file() and self._configuration.read_text() == _configuration(names)

    def start(self, names: Iterable[str]) -> None:
        """Start supervisord, and with it every program; it outlives this process.

        Raises:
            EmulatorFailure: it does not start.
        """
        self._configuration.write_text(_configuration(names))
        self._prepare_socket()
        with (self._home.logs / "supervisord.out").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._configuration)],
                cwd=self._home.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
            )
        deadline = time.monotonic() + 20
        while self.states() is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorFailure(
                    "The supervisor of the services does not start.", f"Check {self._home.logs / 'supervisord.out'}."
                )
            time.sleep(0.05)

    def start_program(self, name: str) -> None:
        """Start one program that was stopped or that supervisord no longer restarts, unless it is running."""
        try:
            self._call("startProcess", f"{_GROUP}:{name}", False)
        except xmlrpc.client.Fault:
            pass  # it is running or starting already; the health check decides

    def stop_program(self, name: str) -> bool:
        """Stop one program; return False if it was not running."""
        try:
            return bool(self._call("stopProcess", f"{_GROUP}:{name}", True))
        except xmlrpc.client.Fault:
            return False

    def stop(self) -> bool:
        """Stop every process of the home, orphaned ones included.

        Returns:
            True if there were any.
        """
        processes = self.processes()
        if not processes:
            return False
        try:
            self._call("stopAllProcesses", True)
            self._call("shutdown")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            pass  # supervisord has ended: its orphaned processes are ended below
        else:
            psutil.wait_procs(processes, timeout=10)
        end(self.processes())
        if self.socket.parent != self._home.run:
            shutil.rmtree(self.socket.parent, ignore_errors=True)
        return True

    def processes(self) -> list[psutil.Process]:
        """Return the running processes of the home: supervisord and its descendants, recognized by their mark."""
        return marked(MARK, str(self._home.root))

    def _environment(self) -> dict[str, str]:
        """Return supervisord's environment; paths are passed in it, so that the configuration needs no quoting."""
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

    def _prepare_socket(self) -> None:
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
    """Return the running processes, except this one, whose environment has a variable with that value."""
    processes: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or another user's process
    return [process for process in processes if process.pid != os.getpid()]


def end(processes: list[psutil.Process], patience: float = 15) -> None:
    """End processes with SIGTERM, and after `patience` seconds with SIGKILL."""
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
    programs = list(names)
    python = Path(sys.executable).name
    sections = "".join(_PROGRAM.format(name=name, python=python, mark=MARK) for name in programs)
    return _SETTINGS.format(mark=MARK, group=_GROUP, programs=",".join(programs)) + sections
