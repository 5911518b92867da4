"""Services that hang or restart during a run, in a home of this test: other tests share theirs."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil
import pytest

from pinterest_platform.catalog import USER
from pinterest_platform.settings import load
from pinterest_platform_tests.conftest import emulators, provide, variables_of
from pinterest_platform_tests.e2e.harness import Tenant, failures, ledger_problems

TIMEOUT_SECONDS = "4"


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield a home of this test, which is stopped at its end."""
    home = tempfile.mkdtemp(prefix="pinterest-")
    for name in [name for name in os.environ if name.startswith("PINTEREST_")]:
        monkeypatch.delenv(name)
    try:
        assert emulators("up", "--home", home).returncode == 0
        for name, value in variables_of(home).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PINTEREST_IO_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
        yield home
    finally:
        emulators("down", "--home", home)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def hanging(address: str) -> Iterator[None]:
    """Make the server at an address hang: it accepts connections and does not respond."""
    port = urlsplit(address if "//" in address else f"//{address}").port
    [pid] = {
        socket.pid
        for socket in psutil.net_connections("tcp")
        if socket.laddr and socket.laddr.port == port and socket.status == "LISTEN"
    }
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_hanging_broker_or_store_fails_the_run_with_its_address_and_the_next_run_completes(own_home: str) -> None:
    settings = load()
    provide(settings)
    user = Tenant(settings)
    user.produce(USER, [{"ind": number, "age": 30} for number in range(50)])
    with hanging(settings.kafka_bootstrap_servers):
        result = user.run()
    assert not result.success
    assert settings.kafka_bootstrap_servers in failures(result)

    assert settings.s3_endpoint is not None
    with hanging(settings.s3_endpoint):
        result = user.run()
    assert not result.success
    assert settings.s3_endpoint in failures(result)

    user.run_well()
    assert [row[0] for row in user.business(USER)] == list(range(50))
    before, versions = user.objects(), user.versions()

    assert emulators("down", "--home", own_home).returncode == 0
    assert emulators("up", "--home", own_home).returncode == 0
    assert user.objects() == before
    assert user.versions() == versions
    user.produce(USER, [{"ind": 50, "age": 31}])
    assert ledger_problems(user.run_well()) == {}
    assert len(user.business(USER)) == 51
    assert user.assert_agrees_with_the_oracle().rejected("user") == set()
