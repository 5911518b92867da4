"""A server process for tests that can be killed and restarted."""

import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from pinterest_platform_tests.emulators.services.serving import ServerProcess


def client(url: str) -> Any:
    """Return a boto3 client without retries."""
    return boto3.client(
        "kinesis",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20, proxies={}),
    )


class Server(ServerProcess):
    """One server process over a data folder."""

    def __init__(self, data: Path, *flags: str) -> None:
        super().__init__("kinesis", ("--data", os.fspath(data), "--transition-ms", "20"), flags)
        self.data = data
        self.client: Any = None

    def start(self, largest_file: int | None = None) -> "Server":
        self.launch(largest_file)
        self.client = client(self.url)
        return self

    def advance(self, seconds: float) -> None:
        self.control("/_clock", {"advance_seconds": seconds})


def command(data: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "emulators.services.kinesis", "--data", os.fspath(data), *flags]
