"""Damage to landed objects in a real S3 server, as the next daily run names it."""

import time
from typing import Any

import boto3
from confluent_kafka import Producer

from pinterest_platform.catalog import PIN, USER
from pinterest_platform_tests.e2e.harness import Tenant, ledger_problems

CHECK = "every_offset_is_accounted_for"


def transaction(user: Tenant) -> Producer:
    """Begin a transaction with two records in partition 0 of the users' topic."""
    servers = {"bootstrap.servers": user.settings.kafka_bootstrap_servers}
    producer = Producer({**servers, "transactional.id": f"{user.settings.user_id}-{time.monotonic_ns()}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for _ in range(2):
        producer.produce(user.names.topic(USER), b'{"ind":7,"first_name":"T"}', partition=0)
    assert producer.flush(30) == 0
    return producer


def test_the_next_daily_run_names_each_damage_and_nothing_else(user: Tenant) -> None:
    user.produce(USER, [b"junk", *({"ind": number, "first_name": "A"} for number in range(60))])
    user.produce(PIN, [{"index": number, "title": "A"} for number in range(10)])
    transaction(user).abort_transaction(30)
    result = user.run_well()
    assert ledger_problems(result) == {}
    [materialized] = result.asset_materializations_for_node("ledger__conservation")
    assert materialized.metadata["gaps_confirmed"].value == 3

    s3 = boto3.client("s3", endpoint_url=user.settings.s3_endpoint, region_name=user.settings.region)
    bucket, topic = user.names.bucket, user.names.topic(USER)

    def put(key: str, body: bytes, metadata: dict[str, str]) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)

    def whole(key: str) -> tuple[bytes, dict[str, str]]:
        stored: Any = s3.get_object(Bucket=bucket, Key=key)
        return stored["Body"].read(), stored["Metadata"]

    [quarantine] = user.objects(f"quarantine/topics/{topic}/")
    key = min(user.objects(f"topics/{topic}/"))
    body, metadata = whole(key)
    claim = {"records": str(int(metadata["records"]) - 1), "gaps": str(int(metadata["gaps"]) + 1)}
    rejected, _ = whole(quarantine)
    assert b"anVuaw==" in rejected
    damages = {
        "halved": (key, body[: len(body) // 2], metadata),
        "one byte": (key, body.replace(b'"A"', b'"B"', 1), metadata),
        "claim": (key, body, metadata | claim),
        "end": (key, body, metadata | {"end": "x"}),
        "one character": (quarantine, rejected.replace(b"anVuaw==", b"anVuax=="), {}),
        "half a quarantine": (quarantine, rejected[: len(rejected) // 2], {}),
    }
    for name, (damaged, changed, fields) in damages.items():
        original, original_fields = whole(damaged)
        put(damaged, changed, fields)
        problems = ledger_problems(user.run())
        put(damaged, original, original_fields)
        assert CHECK in problems, name
        assert all(problem.startswith(f"{topic}/") for lines in problems.values() for problem in lines), problems
        assert any(damaged in problem for problem in problems[CHECK]), name
    s3.delete_object(Bucket=bucket, Key=quarantine)
    problems = ledger_problems(user.run())
    assert len(problems[CHECK]) == 1 and "1 quarantined records of" in problems[CHECK][0]
    put(quarantine, rejected, {})

    pending = transaction(user)
    [hidden] = ledger_problems(user.run_well())["no_transaction_hides_records"]
    assert hidden.startswith(f"{topic}/0:") and "an open transaction hides these offsets for " in hidden
    pending.commit_transaction(30)
