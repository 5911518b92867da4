"""A server of the tests' own, started, killed and started again."""

import json
import os
import resource
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config


def client(url: str) -> Any:
    """A boto3 client that tries nothing twice."""
    return boto3.client(
        "kinesis",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20, proxies={}),
    )


class Server:
    """One server process over a data folder."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        self.flags = flags
        self.url = ""
        self.client: Any = None
        self._process: subprocess.Popen[str] | None = None

    def start(self, largest_file: int | None = None) -> "Server":
        before: Callable[[], None] | None = None
        if largest_file is not None:
            bounds = (largest_file, resource.RLIM_INFINITY)

            def before() -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, bounds)

        self._process = subprocess.Popen(
            command(self.data, "--transition-ms", "20", *self.flags),
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("kinesis: http://"), f"the server did not start: {line!r}"
        self.url = line.split()[1]
        self.client = client(self.url)
        return self

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
        """POST to /_faults or /_clock."""
        return post(self.url + path, json.dumps(content).encode(), {})

    def advance(self, seconds: float) -> None:
        self.control("/_clock", {"advance_seconds": seconds})


def command(data: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "emulators.services.kinesis", "--data", os.fspath(data), *flags]


def post(url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data=body, headers=headers), timeout=20) as answer:
        return json.loads(answer.read() or b"{}")
