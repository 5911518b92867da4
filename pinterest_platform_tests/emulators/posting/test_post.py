"""`post` as a command: wire format, modes, order, exit codes and signals."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from emulators.cli import main
from emulators.source_db.database import open_engine, replace_contents
from emulators.source_db.generator import generate
from pinterest_platform import catalog
from pinterest_platform.adapters.clients import kafka_config, kinesis_client
from pinterest_platform.settings import Settings
from pinterest_platform_tests.emulators.posting.gateway import Gateway, rejecting, serving
from pinterest_platform_tests.emulators.posting.kinesis_route import all_records, by_key

ROWS = 150
ENTITIES = ("pin", "geo", "user")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('source')}/source.db"
    engine = open_engine(url)
    replace_contents(engine, generate(ROWS, 4))
    engine.dispose()
    return url


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with serving() as running:
        yield running


def environment(gateway: Gateway) -> dict[str, str]:
    return {
        "PINTEREST_HOME": "/nowhere",
        "PINTEREST_API_URL": gateway.url,
        "PINTEREST_API_KEY": "hidden",
        "PINTEREST_USER_ID": "0a",
    }


def post(gateway: Gateway, database: str, *arguments: str) -> Result:
    command = ["post", "--route", "kafka", "--database", database, *arguments]
    result = CliRunner().invoke(main, command, env=environment(gateway))
    assert "hidden" not in result.output
    assert "Traceback" not in result.output
    return result


def summary(text: str) -> tuple[int, ...]:
    match = re.search(r"^sent ([\d,]+), accepted ([\d,]+), failed ([\d,]+), [\d,.]+ records per second", text, re.M)
    assert match, text
    return tuple(int(number.replace(",", "")) for number in match.groups())


def keys(gateway: Gateway, entity: str) -> list[int]:
    return gateway.keys[f"0a.{entity}"]


@pytest.mark.parametrize("per_request", [1, 40, 1000])
def test_every_row_of_every_table_is_posted_once(gateway: Gateway, database: str, per_request: int) -> None:
    result = post(gateway, database, "--every-row", "--per-request", str(per_request))
    assert result.exit_code == 0, result.output
    assert summary(result.stdout) == (3 * ROWS, 3 * ROWS, 0)
    for entity in ENTITIES:
        assert sorted(keys(gateway, entity)) == list(range(ROWS))
        field = "index" if entity == "pin" else "ind"
        assert [value[field] for value in gateway.topics[f"0a.{entity}"]] == keys(gateway, entity)
    assert max(len(records) for _, _, records in gateway.requests) <= per_request
    if per_request == 1000:
        assert len(gateway.requests) <= 4 * 3


def test_one_at_a_time_posts_go_in_order_pin_then_geo_then_user(gateway: Gateway, database: str) -> None:
    assert post(gateway, database, "--every-row", "--concurrency", "1").exit_code == 0
    assert gateway.order == [(f"0a.{entity}", key) for key in range(ROWS) for entity in ENTITIES]


def test_values_arrive_as_the_database_holds_them(gateway: Gateway, database: str) -> None:
    post(gateway, database, "--every-row")
    expected: dict[str, dict[int, Any]] = {entity: {} for entity in ENTITIES}
    for chunk in generate(ROWS, 4):
        for entity, rows in chunk.items():
            for row in rows:
                plain = {
                    name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()
                }
                expected[entity][row["index" if entity == "pin" else "ind"]] = plain
    for entity in ENTITIES:
        assert dict(zip(keys(gateway, entity), gateway.topics[f"0a.{entity}"], strict=True)) == expected[entity]


def test_random_rows_repeat_and_are_the_same_for_the_same_seed(database: str) -> None:
    drawn: list[list[int]] = []
    for seed in ("1", "1", "2"):
        with serving() as gateway:
            assert post(gateway, database, "--rows", "400", "--seed", seed, "--per-request", "20").exit_code == 0
            for entity in ENTITIES:
                assert len(keys(gateway, entity)) == 400
            drawn.append(sorted(keys(gateway, "pin")))
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) < 400


def test_transient_failures_are_retried_and_each_keys_order_is_kept(database: str) -> None:
    def flaky(number: int, _topic: str, records: list[dict[str, Any]]) -> Any:
        if number % 5 == 1:
            return (503, {"message": "later"}) if number % 2 else (429, {"message": "slower"})
        return (
            rejecting(records, {at: 2 for at in range(len(records)) if (at + number) % 4 == 0})
            if number % 3 == 0
            else None
        )

    with serving(flaky) as gateway:
        result = post(gateway, database, "--every-row", "--per-request", "10", "--concurrency", "8")
    assert result.exit_code == 0, result.output
    assert summary(result.stdout) == (3 * ROWS, 3 * ROWS, 0)
    for entity in ENTITIES:
        assert sorted(keys(gateway, entity)) == list(range(ROWS))


def test_rejected_records_are_counted_with_their_reason_and_the_exit_code_is_1(database: str) -> None:
    def too_large(_number: int, topic: str, records: list[dict[str, Any]]) -> Any:
        return rejecting(
            records, {at: 1 for at, record in enumerate(records) if topic == "0a.geo" and record["key"] < 3}
        )

    with serving(too_large) as gateway:
        result = post(gateway, database, "--every-row", "--per-request", "7")
    assert result.exit_code == 1
    assert summary(result.stdout) == (3 * ROWS, 3 * ROWS - 3, 3)
    assert "not accepted: 3 x reason 1 (error code 1)" in result.stdout


def test_a_missing_topic_is_counted_and_reported(database: str) -> None:
    with serving(lambda *_: (404, {"error_code": 40401, "message": "Topic not found."})) as gateway:
        result = post(gateway, database, "--rows", "5")
    assert result.exit_code == 1
    assert summary(result.stdout) == (15, 0, 15)
    assert "Topic not found." in result.stdout


def test_a_rejected_api_key_is_one_line_and_ends_the_run_at_once(database: str) -> None:
    with serving(lambda *_: (403, {"message": "Forbidden"})) as gateway:
        result = post(gateway, database, "--forever")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "PINTEREST_API_KEY" in result.stderr


def test_an_unreachable_gateway_is_one_line_with_the_next_step(database: str) -> None:
    gateway = Gateway(lambda *_: None)
    gateway.url = "http://127.0.0.1:1/staging"
    # The retry time applies to gateways that were reachable before; else the test would time out.
    result = post(gateway, database, "--rows", "5", "--retry-for", "3600")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "No server listens at" in result.stderr
    assert "python -m emulators up" in result.stderr
    assert summary(result.stdout)[1] == 0


def test_the_rate_delays_posts(gateway: Gateway, database: str) -> None:
    started = time.monotonic()
    assert post(gateway, database, "--rows", "20", "--rate", "20", "--per-request", "100").exit_code == 0
    # Only a lower bound: no machine is too slow for it.
    assert time.monotonic() - started >= 19 / 20


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "one of --rows N, --every-row and --forever"),
        (["--rows", "3", "--every-row"], 2, "one of --rows N"),
        (["--rows", "3", "--growing"], 2, "--growing changes the home's database"),
        (["--forever", "--growing"], 2, "without --database"),
        (["--rows", "0"], 2, "--rows"),
        (["--rows", "3", "--rate", "0"], 2, "--rate"),
        (["--rows", "3", "--per-request", "0"], 2, "--per-request"),
        (["--rows", "3", "--route", "post"], 2, "--route"),
        (["--rows", "3", "--database", "sqlite:////nowhere/source.db"], 1, "python -m emulators seed"),
        (["--rows", "3", "--database", "mysql+pymysql://me:hidden@127.0.0.1:1/x"], 1, "Check that the database is up"),
        (["--rows", "3", "--home", "/nowhere"], 1, "python -m emulators up"),
    ],
)
def test_mistakes_are_reported_with_the_next_step(
    gateway: Gateway, database: str, arguments: list[str], code: int, complaint: str
) -> None:
    result = post(gateway, database, *arguments)
    assert result.exit_code == code
    assert complaint in result.stderr
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [("", "has no table pinterest_data."), ('CREATE TABLE pinterest_data ("index" BIGINT)', "geolocation_data")],
)
def test_an_own_database_without_the_tables_is_answered_with_the_expected_tables_and_columns(
    gateway: Gateway, tmp_path: Path, statement: str, complaint: str
) -> None:
    with sqlite3.connect(tmp_path / "own.db") as connection:
        connection.execute(statement)
    result = post(gateway, f"sqlite:///{tmp_path / 'own.db'}", "--rows", "3")
    assert result.exit_code == 1
    assert complaint in result.stderr.splitlines()[0]
    assert "Name a --database with rows in these tables" in result.stderr
    assert "geolocation_data (ind, timestamp, latitude, longitude, country); user_data (ind, " in result.stderr
    assert "Fill it" not in result.stderr


@pytest.mark.parametrize(
    ("number", "arguments", "code"),
    [
        (signal.SIGINT, ["--forever"], 0),
        (signal.SIGTERM, ["--forever", "--per-request", "50"], 0),
        (signal.SIGINT, ["--rows", "1000000"], 130),
        (signal.SIGTERM, ["--rows", "1000000"], 143),
    ],
)
def test_a_signal_ends_posting_with_a_correct_summary(
    gateway: Gateway, database: str, number: signal.Signals, arguments: list[str], code: int
) -> None:
    with posting(gateway, database, *arguments) as process:
        wait_for(lambda: len(gateway.requests) > 20)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == code, out + err
    sent, accepted, failed = summary(out)
    assert sent == accepted == sum(map(len, gateway.topics.values()))
    posts = f"{len(gateway.keys['0a.pin']):,}"
    of_total = " of 1,000,000" if "--rows" in arguments else ""
    assert out.startswith(f"stopped by {number.name}: {posts}{of_total} posts\n")
    assert failed == 0
    assert len({len(values) for values in gateway.topics.values()}) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["--rows", "9"], ["--every-row"], ["--forever"]])
def test_ctrl_c_before_the_first_post_is_exit_code_130(gateway: Gateway, arguments: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as database:
        database.settimeout(60)
        silent = f"mysql+pymysql://me@127.0.0.1:{database.getsockname()[1]}/x"
        with posting(gateway, silent, *arguments) as process:
            connection, _ = database.accept()
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            connection.close()
    assert process.returncode == 130, out + err
    assert (out, err) == ("", "stopped by Ctrl-C\n")


def test_a_closed_pipe_is_no_error(gateway: Gateway, database: str) -> None:
    with posting(gateway, database, "--every-row", "--per-request", "50") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(60)
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, "")
    assert sorted(keys(gateway, "pin")) == list(range(ROWS))


def test_a_signal_ends_posting_to_a_gateway_that_does_not_answer(database: str) -> None:
    with (
        serving(lambda *_: (503, {"message": "later"})) as gateway,
        posting(gateway, database, "--forever") as process,
    ):
        wait_for(lambda: len(gateway.requests) > 20)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert summary(out)[1] == 0


def test_memory_does_not_grow_while_posting_without_end(gateway: Gateway, database: str) -> None:
    gateway.topics.clear()
    with posting(gateway, database, "--forever", "--per-request", "200") as process:
        memory = psutil.Process(process.pid)
        sizes: list[int] = []
        for round_ in (1, 2, 3):
            wait_for(lambda count=200 * round_: len(gateway.requests) > count)
            sizes.append(memory.memory_info().rss)
        process.terminate()
        process.communicate(timeout=30)
    assert sizes[2] - sizes[1] < 8 * 2**20, sizes


def test_rows_posted_to_a_real_home_are_in_its_topics(emulated: dict[str, str], database: str) -> None:
    def ends() -> dict[str, int]:
        return {entity: topic_end(emulated, f"{emulated['PINTEREST_USER_ID']}.{entity}") for entity in ENTITIES}

    before = ends()
    command = [
        "post",
        "--every-row",
        "--per-request",
        "40",
        "--database",
        database,
        "--home",
        emulated["PINTEREST_HOME"],
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert summary(result.stdout) == (3 * ROWS, 3 * ROWS, 0)
    assert ends() == {entity: count + ROWS for entity, count in before.items()}


def test_both_routes_get_every_post_byte_for_byte(tenant: Settings, database: str) -> None:
    """The records of topics and streams are equal key by key, and each route has its own summary."""
    arguments = ["post", "--route", "both", "--every-row", "--per-request", "20", "--database", database]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["kafka", "kinesis"]
    assert [summary(line.partition(": ")[2]) for line in lines] == [(3 * ROWS, 3 * ROWS, 0)] * 2

    repeated = CliRunner().invoke(main, ["post", "--route", "kinesis", "--rows", "40", "--database", database])
    assert repeated.exit_code == 0, repeated.output
    assert summary(repeated.stdout) == (120, 120, 0)

    client = kinesis_client(tenant)
    for entity in catalog.ENTITIES:
        streamed = by_key(all_records(client, tenant.names.stream(entity)))
        landed = by_key(topic_records(tenant, tenant.names.topic(entity)))
        assert len(landed) == ROWS
        assert {key: values[:1] for key, values in streamed.items()} == landed
        assert sum(map(len, streamed.values())) == ROWS + 40


def topic_records(settings: Settings, topic: str) -> list[tuple[str, bytes]]:
    """Return key and value of all records of a topic."""
    consumer = Consumer({**kafka_config(settings), "group.id": topic, "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    records: list[tuple[str, bytes]] = []
    ended = 0
    while ended < len(partitions):
        message = consumer.poll(30)
        assert message is not None
        if message.error() is None:
            records.append((message.key().decode(), message.value()))
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF
            ended += 1
    consumer.close()
    return records


def topic_end(emulated: dict[str, str], topic: str) -> int:
    def get(path: str) -> Any:
        request = urllib.request.Request(
            f"{emulated['PINTEREST_API_URL']}/topics/{topic}/partitions{path}",
            headers={"x-api-key": emulated["PINTEREST_API_KEY"], "Accept": "application/vnd.kafka.v2+json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    return sum(get(f"/{partition['partition']}/offsets")["end_offset"] for partition in get(""))


def posting(gateway: Gateway, database: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "emulators", "post", "--database", database, *arguments],
        env=os.environ | environment(gateway),
        cwd=Path(__file__).resolve().parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(reached: Any) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "posting did not get that far"
        time.sleep(0.01)
