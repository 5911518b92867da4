"""The whole batch path on real parts: a Kafka broker, an S3 server, Sail, Delta."""

import json
from pathlib import Path

import pytest

from pinterest_platform.catalog import ENTITIES, GEO, PAGE_KEY, PIN, USER
from pinterest_platform_tests.e2e.harness import REAL, Tenant, failed_checks, failures, generated_posts, real_posts

FULL_REFRESH = {
    "ops": {f"cleaned__{entity.name}": {"config": {"full_refresh": True}} for entity in ENTITIES},
}

JUNK = [
    b"",
    b"not json",
    b"[1]",
    b'{"ind":1}{"ind":2}',
    b'{"ind":1,"age":NaN}',
    b'{"ind":1,"first_name":"\xff"}',
    b'{"ind":1,"_offset":7}',
    b"null",
]
"""Values that landing must reject."""

UNCLEANABLE = [
    b'{"ind":1,"ind":2}',
    b'{"first_name":"none"}',
    b'{"ind":"x"}',
    b'{"ind":1.5}',
    b'{"ind":1,"first_name":{"a":1}}',
    b'{"ind":1,"last_name":["a"]}',
]
"""Values that landing accepts and cleaning must reject."""


def test_the_generated_sample_agrees_with_the_oracle_and_a_second_run_changes_nothing(
    user: Tenant, tmp_path: Path
) -> None:
    posts = generated_posts(tmp_path, rows=2_000)
    user.produce_all(posts)
    result = user.run_well()
    oracle = user.assert_agrees_with_the_oracle()
    assert len(oracle.cleaned("pin")) == 2_000
    assert "ledger/conservation:every_offset_is_accounted_for" not in failed_checks(result)
    objects, versions = user.objects(), user.versions()

    user.run_well()
    assert user.versions() == versions
    assert user.objects() == objects

    for seed in (1, 2):
        user.produce_all(posts, seed)
    result = user.run_well()
    cells = {entity: user.business(entity) for entity in ENTITIES}
    assert {uri: version for uri, version in user.versions().items() if "reports" in uri} == {
        uri: version for uri, version in versions.items() if "reports" in uri
    }
    user.assert_agrees_with_the_oracle()
    assert not failed_checks(result) - {"cleaned/pin:everything_readable"}

    user.produce(PIN, [dict(posts[PIN][7], title="A later title")])
    user.run_well()
    [changed] = [row for row in user.business(PIN) if row not in cells[PIN]]
    assert changed[2] == "A later title"
    user.assert_agrees_with_the_oracle()

    before = {entity: user.business(entity) for entity in ENTITIES}
    user.run_well(config=FULL_REFRESH)
    assert {entity: user.business(entity) for entity in ENTITIES} == before


@pytest.mark.skipif(not REAL.is_dir(), reason="the real records are not here")
def test_real_records_agree_with_the_oracle(user: Tenant) -> None:
    user.produce_all(real_posts(), seed=3)
    user.run_well()
    oracle = user.assert_agrees_with_the_oracle()
    assert len(oracle.cleaned("user")) == 1_624


def test_junk_is_quarantined_with_its_reason_and_everything_else_arrives(user: Tenant) -> None:
    fine = [{"ind": number, "first_name": "A", "last_name": "B", "age": 30} for number in range(10, 20)]
    wide = {"ind": 20, "first_name": "x" * 2**20, "unknown": {"nested": [1]}, "age": "31"}
    split = b'{\r\n"ind" :\n21,\t"age": 32\r}'
    beyond_a_double = b'{"ind":22,"age":1e999}'
    user.produce(USER, [*JUNK, *fine, *UNCLEANABLE, wide, split, beyond_a_double])
    result = user.run_well()
    assert {"raw/user:nothing_quarantined", "cleaned/user:nothing_rejected"} <= failed_checks(result)
    assert [row[0] for row in user.business(USER)] == list(range(10, 23))
    quarantined = [
        json.loads(line) for key in user.objects("quarantine/topics/") for line in user.body(key).splitlines()
    ]
    assert len(quarantined) == len(JUNK)
    assert all(entry["reason"] and "_offset" in entry for entry in quarantined)
    [cleaned] = result.asset_materializations_for_node("cleaned__user")
    assert cleaned.metadata["quarantined"].value == len(UNCLEANABLE)
    user.assert_agrees_with_the_oracle()


def test_empty_topics_give_empty_tables_and_a_page(user: Tenant) -> None:
    user.run_well()
    assert all(user.business(entity) == [] for entity in ENTITIES)
    assert b"<html" in user.body(PAGE_KEY).lower()


def test_a_recreated_topic_is_named_and_nothing_is_skipped(user: Tenant) -> None:
    from confluent_kafka.admin import AdminClient

    from pinterest_platform.provisioning.topics import ensure_topics

    user.produce(GEO, [{"ind": number, "country": "Chile"} for number in range(5)])
    user.run_well()
    admin = AdminClient({"bootstrap.servers": user.settings.kafka_bootstrap_servers})
    admin.delete_topics([user.names.topic(GEO)])[user.names.topic(GEO)].result(30)
    ensure_topics(user.settings)
    user.produce(GEO, [{"ind": number, "country": "Peru"} for number in range(5, 25)])
    result = user.run()
    assert not result.success
    assert "raw/geo" in failures(result)
    assert user.names.topic(GEO) in failures(result)
    assert len(user.business(GEO)) == 5

    user.run_well(config={"ops": {"raw__geo": {"config": {"new_epoch": "land"}}}})
    assert [row[0] for row in user.business(GEO)] == list(range(25))
