"""Servers for tests: an ASGI application in a thread, or one of the emulators' servers as a process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from emulators.home import Home
from emulators.services.service import Service, Unhealthy


@contextlib.contextmanager
def serving(app: Any, protocol: Any = "httptools") -> Iterator[str]:
    """Serve `app` in a thread; yield its address, `127.0.0.1:port`."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextlib.contextmanager
def supervised(service: Service, home: Home, elsewhere: Path) -> Iterator[None]:
    """Run a service as the supervisor does; check that its probe passes for its own home and fails for another.

    Args:
        service: the service.
        home: its home.
        elsewhere: folder for another home with the same ports.
    """
    with pytest.raises(Unhealthy, match="no response"):
        service.probe(home)
    command = service.command(home)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    process = subprocess.Popen(command.arguments, cwd=command.folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        _await_healthy(service, home)
        other = Home(elsewhere)
        other.root.mkdir()
        other.keep_ports(home.ports())
        with pytest.raises(Unhealthy, match=service.name):
            service.probe(other)
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _await_healthy(service: Service, home: Home) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return service.probe(home)
        except Unhealthy:
            assert time.monotonic() < deadline
            time.sleep(0.05)


class ServerProcess:
    """A server of the emulators that can be killed and restarted on the same data.

    `settings` are the required ones; `flags` are a test's own, which may change between starts.
    """

    def __init__(self, name: str, settings: tuple[str, ...], flags: tuple[str, ...]) -> None:
        self.name = name
        self.settings = settings
        self.flags = flags
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def launch(self, largest_file: int | None = None) -> None:
        """Start the server, whose files may have a largest size in bytes, and wait for its address."""
        command = [sys.executable, "-m", f"emulators.services.{self.name}", *self.settings, *self.flags]
        if largest_file is not None:
            # By a shell: gRPC's threads can break a child in which Python code runs between fork and exec.
            command = ["sh", "-c", f'ulimit -f {largest_file // 512}; exec "$@"', "sh", *command]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(f"{self.name}: http://"), f"the server did not start: {line!r}"
        self.url = line.split()[1]

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def stop(self) -> int:
        return self.end(signal.SIGTERM)

    def end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        assert process.stdout is not None
        try:
            return process.wait(20)
        finally:
            process.kill()
            process.stdout.close()

    def control(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """POST to one of the server's controls."""
        return post(self.url + path, json.dumps(content).encode(), {})


def post(url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """Send a POST request without proxies; return the JSON response."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data=body, headers=headers), timeout=20) as response:
        return json.loads(response.read() or b"{}")
