"""`check-streams`: correct APIs pass, wrong ones are detected, and no stream is left or touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emulators.cli import main
from emulators.services.api_gateway.service import DOCUMENT
from pinterest_platform_tests.emulators.posting.kinesis_route import KEY, gateway_before, kinesis_server
from pinterest_platform_tests.emulators.services.kinesis import reading
from pinterest_platform_tests.emulators.services.kinesis.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with kinesis_server(tmp_path_factory.mktemp("kinesis")) as running:
        reading.create(running.client, "streaming-0a-pin", 2)
        yield running


def check(base: str, key: str = KEY) -> Result:
    result = CliRunner().invoke(main, ["check-streams"], env={"PINTEREST_API_URL": base, "PINTEREST_API_KEY": key})
    assert "Traceback" not in result.output
    assert KEY not in result.output
    return result


def nothing_left(server: Server) -> None:
    assert server.client.list_streams()["StreamNames"] == ["streaming-0a-pin"]
    assert reading.read_stream(server.client, "streaming-0a-pin") == []


def test_a_correct_api_passes_and_nothing_is_left(server: Server) -> None:
    with gateway_before(server.url) as base:
        result = check(base)
    assert result.exit_code == 0, result.output
    assert "10 records put, read back and compared" in result.stdout
    nothing_left(server)


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("$util.base64Encode($elem.data)", "$util.base64Encode('{}')", "came back as"),
        ("$util.base64Encode($input.json('$.Data'))", "$util.base64Encode('{}')", "came back as"),
        ("$!input.path('$.PartitionKey')", "$!input.path('$.StreamName')", "came back as"),
        ("$input.params('Shard-Iterator')", "$input.params('Iterator')", "ValidationException"),
    ],
)
def test_a_wrong_api_is_detected_and_nothing_is_left(
    server: Server, tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    text = DOCUMENT.read_text()
    assert right in text
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace(right, wrong))
    with gateway_before(server.url, path) as base:
        result = check(base)
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
    nothing_left(server)


def test_a_wrong_key_and_an_unreachable_gateway_are_one_line(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulators.posting.gateway.LISTENING_SECONDS", 0.3)
    with gateway_before(server.url) as base:
        refused = check(base, "wrong")
    dead = check("http://127.0.0.1:1/staging")
    assert (refused.exit_code, dead.exit_code) == (1, 1)
    assert "PINTEREST_API_KEY" in refused.stderr
    assert "python -m emulators up" in dead.stderr
    assert refused.stderr.count("\n") == dead.stderr.count("\n") == 1
