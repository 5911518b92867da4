"""The Kafka REST Proxy v2 API over the real broker, through the gateway and directly."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

JSON = "application/vnd.kafka.json.v2+json"
BINARY = "application/vnd.kafka.binary.v2+json"
V2 = "application/vnd.kafka.v2+json"


class Proxy:
    """A client of the proxy behind the gateway."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.base = variables["PINTEREST_API_URL"]
        self.session = requests.Session()
        self.session.headers["x-api-key"] = variables["PINTEREST_API_KEY"]

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.base + path, headers=headers, timeout=60)

    def post(self, path: str, body: Any, content_type: str = JSON, **headers: str) -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.session.post(
            self.base + path, data=data, headers={"content-type": content_type, **headers}, timeout=60
        )


@pytest.fixture(scope="module")
def proxy(emulated: dict[str, str]) -> Proxy:
    return Proxy(emulated)


@pytest.fixture(scope="module")
def admin(emulated: dict[str, str]) -> AdminClient:
    return AdminClient({"bootstrap.servers": emulated["KAFKA_BOOTSTRAP_SERVERS"]})


def make(admin: AdminClient, topic: str, **config: str) -> None:
    admin.create_topics([NewTopic(topic, 3, 1, config=config)], operation_timeout=20)[topic].result()


def drop(admin: AdminClient, topic: str) -> None:
    admin.delete_topics([topic], operation_timeout=20)[topic].result()


@pytest.fixture
def topic(admin: AdminClient) -> Iterator[str]:
    name = f"contract-{uuid.uuid4().hex[:12]}"
    make(admin, name)
    yield name
    if name in admin.list_topics(timeout=20).topics:
        drop(admin, name)


def stored(variables: dict[str, str], topic: str) -> dict[tuple[int, int], tuple[bytes | None, bytes | None]]:
    """Return everything in a topic: key and value by partition and offset."""
    consumer = Consumer(
        {"bootstrap.servers": variables["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "contract", "enable.auto.commit": False}
    )
    records: dict[tuple[int, int], tuple[bytes | None, bytes | None]] = {}
    try:
        for number in range(3):
            topic_partition = TopicPartition(topic, number, 0)
            end = consumer.get_watermark_offsets(topic_partition, timeout=20)[1]
            consumer.assign([topic_partition])
            while sum(1 for partition, _ in records if partition == number) < end:
                message = consumer.poll(20)
                assert message is not None and message.error() is None
                records[number, message.offset()] = (message.key(), message.value())
    finally:
        consumer.close()
    return records


def test_json_records_are_stored_as_sent_and_each_is_answered_with_its_position(
    proxy: Proxy, emulated: dict[str, str], topic: str
) -> None:
    texts = ['{"a":1.50,"b":"ü😀"}', "123456789012345678901234567890", '{"a":1,"a":2}', '"\\u00e9"']
    records = ",".join([*(f'{{"key":7,"value":{text}}}' for text in texts), '{"value":null}'])
    body = f'{{"records":[{records}]}}'
    answer = proxy.post(f"/topics/{topic}", body.encode())

    assert answer.status_code == 200
    assert answer.headers["content-type"] == V2
    content = answer.json()
    assert set(content) == {"offsets", "key_schema_id", "value_schema_id"}
    assert (content["key_schema_id"], content["value_schema_id"]) == (None, None)
    positions = [(entry["partition"], entry["offset"]) for entry in content["offsets"]]
    assert all(entry["error_code"] is None and entry["error"] is None for entry in content["offsets"])
    records_by_place = stored(emulated, topic)
    assert [records_by_place[position] for position in positions[:-1]] == [(b"7", text.encode()) for text in texts]
    assert records_by_place[positions[-1]] == (None, None)
    keyed = positions[:-1]
    assert len({partition for partition, _ in keyed}) == 1
    assert keyed == sorted(keyed)


def test_binary_records_go_to_the_named_partitions(proxy: Proxy, emulated: dict[str, str], topic: str) -> None:
    junk = base64.b64encode(b"\xff\x00 no json").decode()
    key = base64.b64encode(b"k").decode()
    to_topic = proxy.post(f"/topics/{topic}", {"records": [{"key": key, "value": junk, "partition": 2}]}, BINARY)
    to_partition = proxy.post(f"/topics/{topic}/partitions/1", {"records": [{"value": junk}]}, BINARY)

    assert to_topic.json()["offsets"][0]["partition"] == 2
    assert to_partition.json()["offsets"][0]["partition"] == 1
    assert stored(emulated, topic) == {(2, 0): (b"k", b"\xff\x00 no json"), (1, 0): (None, b"\xff\x00 no json")}


def test_one_failing_record_fails_alone_inside_a_200(proxy: Proxy, emulated: dict[str, str], topic: str) -> None:
    large = "x" * (5 * 1024 * 1024)
    records = [{"value": 1}, {"value": large}, {"value": 2, "partition": 99}, {"value": 3}]
    answer = proxy.post(f"/topics/{topic}", {"records": records})

    assert answer.status_code == 200
    codes = [entry["error_code"] for entry in answer.json()["offsets"]]
    assert codes == [None, 50002, 50002, None]
    for entry in answer.json()["offsets"][1:3]:
        assert entry["partition"] is None
        assert entry["offset"] is None
        assert entry["error"]
    assert sorted(value for _, value in stored(emulated, topic).values() if value) == [b"1", b"3"]


def test_a_record_that_only_the_broker_refuses_fails_alone_too(
    proxy: Proxy, emulated: dict[str, str], admin: AdminClient
) -> None:
    topic = f"contract-{uuid.uuid4().hex[:12]}"
    make(admin, topic, **{"max.message.bytes": "20000"})
    try:
        for value, code in ((1, None), ("x" * 50_000, 50002), (2, None)):
            answer = proxy.post(f"/topics/{topic}/partitions/0", {"records": [{"value": value}]})
            assert [entry["error_code"] for entry in answer.json()["offsets"]] == [code]
        assert [value for _, value in stored(emulated, topic).values()] == [b"1", b"2"]
    finally:
        drop(admin, topic)


def test_a_record_of_4_mib_is_accepted(proxy: Proxy, emulated: dict[str, str]) -> None:
    topic = f"{emulated['PINTEREST_USER_ID']}.pin"
    answer = proxy.post(f"/topics/{topic}", {"records": [{"value": "x" * (4 * 1024 * 1024 - 2)}]})
    assert answer.json()["offsets"][0]["error_code"] is None


def test_topics_and_partitions_are_described(proxy: Proxy, topic: str) -> None:
    proxy.post(f"/topics/{topic}/partitions/1", {"records": [{"value": 1}, {"value": 2}]})
    partitions = proxy.get(f"/topics/{topic}/partitions").json()

    assert topic in proxy.get("/topics").json()
    assert [partition["partition"] for partition in partitions] == [0, 1, 2]
    assert partitions[0] == {"partition": 0, "leader": 1, "replicas": [{"broker": 1, "leader": True, "in_sync": True}]}
    assert proxy.get(f"/topics/{topic}/partitions/2").json() == partitions[2]
    assert proxy.get(f"/topics/{topic}/partitions/1/offsets").json() == {"beginning_offset": 0, "end_offset": 2}
    content = proxy.get(f"/topics/{topic}").json()
    assert (content["name"], content["partitions"]) == (topic, partitions)
    assert content["configs"]["message.timestamp.type"] == "LogAppendTime"
    assert proxy.get("/brokers").json() == {"brokers": [1]}


def test_the_projects_topics_exist_with_their_names_and_configs(proxy: Proxy, emulated: dict[str, str]) -> None:
    for entity in ("pin", "geo", "user"):
        content = proxy.get(f"/topics/{emulated['PINTEREST_USER_ID']}.{entity}").json()
        assert len(content["partitions"]) == 3
        assert content["configs"]["message.timestamp.type"] == "LogAppendTime"
        assert int(content["configs"]["max.message.bytes"]) > 4 * 1024 * 1024


@pytest.mark.parametrize(
    "path",
    [
        "/topics/nope",
        "/topics/nope/partitions",
        "/topics/nope/partitions/0/offsets",
        "/topics/%00",
        "/topics/a%00/partitions",
        "/topics/%ff/partitions/0",
    ],
)
def test_an_unknown_topic_is_40401(proxy: Proxy, path: str) -> None:
    answer = proxy.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error_code": 40401, "message": "Topic not found."})


def test_producing_to_a_missing_topic_creates_nothing(proxy: Proxy, topic: str) -> None:
    records = {"records": [{"value": 1}]}
    for path, code in (("/topics/nope", 40401), ("/topics/bad name!", 40401), (f"/topics/{topic}/partitions/3", 40402)):
        answer = proxy.post(path, records)
        assert (answer.status_code, answer.json()["error_code"]) == (404, code)
    assert "nope" not in proxy.get("/topics").json()
    assert proxy.get(f"/topics/{topic}/partitions/3").json()["error_code"] == 40402


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/vnd.kafka.avro.v2+json", 415),
        ("text/plain", 415),
        ("", 415),
        (f"{JSON}; charset=utf-8", 200),
        (JSON.upper(), 200),
    ],
)
def test_the_content_type_selects_the_format_and_another_is_415(
    proxy: Proxy, topic: str, content_type: str, status: int
) -> None:
    answer = proxy.post(f"/topics/{topic}", {"records": [{"value": 1}]}, content_type)
    assert answer.status_code == status
    if status == 415:
        assert answer.json() == {"error_code": 415, "message": "HTTP 415 Unsupported Media Type"}


def test_accept_selects_the_answers_type_and_an_unsupported_one_is_406(proxy: Proxy, topic: str) -> None:
    records = {"records": [{"value": 1}]}
    for accept, expected in (("application/json", "application/json"), ("text/html, */*;q=0.1", V2), (V2, V2)):
        assert proxy.post(f"/topics/{topic}", records, accept=accept).headers["content-type"] == expected
    assert proxy.get("/topics", accept="text/html").json()["error_code"] == 406


def test_errors_of_http_itself_have_confluents_shape(proxy: Proxy, topic: str) -> None:
    assert proxy.get("/zz").json() == {"error_code": 404, "message": "HTTP 404 Not Found"}
    assert proxy.get(f"/topics/{topic}/").json()["error_code"] == 404
    assert proxy.post("/topics", {}).json() == {"error_code": 405, "message": "HTTP 405 Method Not Allowed"}
    assert proxy.post(f"/topics/{topic}", b"{").json()["error_code"] == 400
    assert proxy.post(f"/topics/{topic}", b'{"receiver":1}').json()["error_code"] == 422


def test_a_body_over_the_limit_is_413_and_a_local_page_may_read_it(emulated: dict[str, str], topic: str) -> None:
    answer = requests.post(
        f"{proxy_itself(emulated)}/topics/{topic}",
        data=b"x" * (32 * 1024 * 1024 + 1),
        headers={"content-type": JSON, "origin": "http://localhost:3000"},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["error_code"]) == (413, 413)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_any_page_may_read_answers_through_the_gateway_but_not_of_the_proxy(
    proxy: Proxy, emulated: dict[str, str]
) -> None:
    foreign = {"origin": "https://foreign.example"}
    for path, status in (("/topics", 200), ("/topics/nope", 404)):
        through = proxy.get(path, **foreign)
        assert (through.status_code, through.headers["access-control-allow-origin"]) == (status, "*")
    direct = requests.get(f"{proxy_itself(emulated)}/topics", headers=foreign, timeout=60)
    plain = requests.get(f"{proxy_itself(emulated)}/topics", timeout=60)
    assert (direct.status_code, plain.status_code) == (403, 200)
    for answer in (direct, plain):
        assert "access-control-allow-origin" not in answer.headers


def proxy_itself(variables: dict[str, str]) -> str:
    """Return the address of the proxy behind the gateway."""
    with open(f"{variables['PINTEREST_HOME']}/ports.json") as file:
        return f"http://127.0.0.1:{json.load(file)['kafka_rest']}"


def test_a_topic_that_is_deleted_and_recreated_is_noticed(
    proxy: Proxy, emulated: dict[str, str], admin: AdminClient, topic: str
) -> None:
    records = {"records": [{"value": number, "partition": 0} for number in range(5)]}
    assert proxy.post(f"/topics/{topic}", records).status_code == 200
    drop(admin, topic)
    refused = eventually(lambda: proxy.post(f"/topics/{topic}", records), lambda answer: answer.status_code == 404)
    assert refused.json()["error_code"] == 40401
    make(admin, topic)
    accepted = eventually(lambda: proxy.post(f"/topics/{topic}", records), lambda answer: answer.status_code == 200)
    assert [entry["error_code"] for entry in accepted.json()["offsets"]] == [None] * 5
    assert [value for _, value in sorted(stored(emulated, topic).values())] == [b"0", b"1", b"2", b"3", b"4"]


def eventually(ask: Any, good: Any) -> requests.Response:
    """Return the first good answer within a minute."""
    deadline = time.monotonic() + 60
    while not good(answer := ask()):
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    return answer
