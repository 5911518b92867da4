"""Checkpoints that are damaged, foreign, deleted or forged, on both routes (decision 0032)."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from pinterest_platform.landing.audit_schedule import EVERYTHING
from pinterest_platform_tests.landing.chains import STREAM, TOPIC, Chain, Partition, figures


def damage(body: bytes) -> dict[str, bytes]:
    """Return damaged bytes of a checkpoint, by the kind of damage."""
    fields = json.loads(body)
    fields["blocks"][0]["totals"]["records"] += 1
    return {
        "half": body[: len(body) // 2],
        "empty": b"",
        "no object": b"[]",
        "a changed count": json.dumps(fields).encode(),
        "no checksum": json.dumps({name: value for name, value in fields.items() if name != "checksum"}).encode(),
    }


@pytest.mark.parametrize("kind", damage(b'{"blocks":[{"totals":{"records":1}}]}'))
def test_a_damaged_checkpoint_is_named_and_replaced_and_everything_is_read(chain, kind):
    chain.ledger()
    [key] = chain.checkpoints
    chain.store.objects[key].body = damage(chain.store.objects[key].body)[kind]
    ledger = chain.ledger()
    [problem] = ledger.problems
    assert problem.startswith(f"the checkpoint {key} is damaged")
    assert (ledger.read, ledger.from_checkpoint, ledger.objects) == (7, 0, 7)
    assert (chain.ledger().problems, chain.ledger().from_checkpoint) == ((), 7)


@pytest.mark.parametrize("number", ["9" * 20, f"{2**63:020d}"])
def test_a_foreign_object_with_a_huge_number_is_no_checkpoint(chain, number):
    chain.ledger()
    [key] = chain.checkpoints
    folder, _ = key.rsplit("/", 1)
    chain.store.put(f"{folder}/{number}.json", b"{}")
    chain.land(b'{"a":1}')
    chain.age()
    assert (chain.ledger().problems, chain.ledger().from_checkpoint) == ((), 8)


def test_a_checkpoint_of_another_chain_is_not_trusted(chain):
    chain.ledger()
    other = type(chain)()
    other.land(*[b'{"a":1}'] * 3)
    other.age()
    other.ledger()
    [key] = chain.checkpoints
    body = other.store.objects[other.checkpoints[-1]].body.replace(b"u.pin", b"u.geo").replace(b"u-pin", b"u-geo")
    chain.store.objects[key].body = body
    assert f"the checkpoint {key} is damaged" in chain.ledger().problems[0]


def test_the_names_in_the_json_of_a_checkpoint_do_not_change(chain):
    chain.ledger()
    fields = json.loads(chain.store.objects[chain.checkpoints[-1]].body)
    assert set(fields) == {"chain", "number", "origin", "blocks", "checksum"} and fields["origin"]
    block = fields["blocks"][0]
    assert set(block) == {"first", "last", "next", "totals", "size", "digest", "day"}
    assert set(block["totals"]) == {"objects", "records", "quarantined", "gaps", "accepted"}


def test_a_deleted_checkpoint_is_written_again(chain):
    first = chain.ledger()
    chain.store.delete(chain.checkpoints)
    assert figures(chain.ledger()) == figures(first)
    assert chain.ledger().from_checkpoint == 7


def forge(chain: Chain) -> str:
    """Replace a covered object by another sound one, and return its key."""
    forged = type(chain)()
    forged.log, key = chain.log, chain.keys[1]
    forged.store.clock_ms = 1_700_000_000_000
    if isinstance(chain, Partition):
        entries = chain.log.topics[TOPIC].partitions[0].entries
        entries[1] = entries[1]._replace(value=b'{"a":7}')
    else:
        records = chain.log.shard(STREAM, 0).records
        records[1] = records[1]._replace(value=b'{"a":7}')
    forged.land()
    chain.store.objects[key] = forged.store.objects[key]
    return key


def test_a_block_whose_objects_were_replaced_by_sound_ones_is_named_and_not_trusted(chain):
    chain.ledger()
    forge(chain)
    assert chain.account(chain.without_checkpoints(), EVERYTHING).is_complete
    ledger = chain.account(chain.store, EVERYTHING)
    assert len(ledger.problems) == 1 and "are sound, but not those that it covers" in ledger.problems[0]
    assert chain.account(chain.store, EVERYTHING).is_complete
    chain.ledger()
    assert chain.ledger().from_checkpoint == 7


def rewrite(chain: Chain, change: Callable[[dict[str, Any]], None]) -> str:
    """Change the newest checkpoint, with a valid checksum, and return its key."""
    key = chain.checkpoints[-1]
    fields = json.loads(chain.store.objects[key].body)
    del fields["checksum"]
    change(fields)
    checksum = hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()
    chain.store.objects[key].body = orjson.dumps({**fields, "checksum": checksum})
    return key


def miscount(fields: dict[str, Any]) -> None:
    fields["blocks"][0]["totals"]["records"] -= 1
    fields["blocks"][0]["totals"]["quarantined"] += 1


def test_wrong_counts_of_a_block_are_named_once_its_objects_are_read(chain):
    sound = chain.ledger()
    rewrite(chain, miscount)
    ledger = chain.account(chain.store, EVERYTHING)
    assert len(ledger.problems) == 1 and "have other counts than it has for them" in ledger.problems[0]
    assert (ledger.records, ledger.quarantined) == (sound.records, sound.quarantined)
    for covered in (0, 7):
        again = chain.ledger()
        assert (again.problems, again.from_checkpoint, again.records) == ((), covered, sound.records)


BLOCK_FIELDS = ("first", "last", "next", "size", "digest", "day", "merged")
COUNTS = ("objects", "records", "quarantined", "gaps", "accepted")


@pytest.mark.parametrize("wrong", [None, "x", 1.5, True, -1, [], {}], ids=repr)
@pytest.mark.parametrize("name", [*BLOCK_FIELDS, *COUNTS])
def test_a_checkpoint_with_a_value_of_another_kind_is_damaged(chain, name, wrong):
    if name in ("digest", "merged") and wrong == "x":
        return  # a text, which is compared with the objects
    sound = chain.ledger()

    def change(fields: dict[str, Any]) -> None:
        block = fields["blocks"][0]
        (block["totals"] if name in COUNTS else block)[name] = wrong

    key = rewrite(chain, change)
    [problem] = chain.ledger().problems
    assert problem.startswith(f"the checkpoint {key} is damaged")
    assert figures(chain.ledger()) == figures(sound)


@pytest.mark.parametrize(("name", "other"), [("first", "next"), ("next", "first"), ("last", "next")])
def test_a_checkpoint_whose_block_ends_before_it_begins_is_damaged(chain, name, other):
    sound = chain.ledger()
    key = rewrite(chain, lambda fields: fields["blocks"][0].update({name: fields["blocks"][0][other]}))
    [problem] = chain.ledger().problems
    assert problem.startswith(f"the checkpoint {key} is damaged") and "a block begins at" in problem
    assert figures(chain.ledger()) == figures(sound)


def test_a_checkpoint_whose_blocks_overlap_is_damaged(chain):
    sound = chain.ledger()
    key = rewrite(chain, lambda fields: fields.update(blocks=fields["blocks"] * 2))
    [problem] = chain.ledger().problems
    assert problem.startswith(f"the checkpoint {key} is damaged") and "its blocks overlap" in problem
    assert figures(chain.ledger()) == figures(sound)
