"""The size of landed objects, on both routes: checkpoints and listings give what a sum over all objects gives."""

import json

import pytest

from pinterest_platform.landing import checkpoint, kafka, kinesis
from pinterest_platform.landing.size import LandedSize
from pinterest_platform_tests.landing.chains import STREAM, TOPIC, Chain, Partition, calls


def landed_size(chain: Chain) -> LandedSize:
    if isinstance(chain, Partition):
        return kafka.landed_size(chain.store, TOPIC)
    return kinesis.landed_size(chain.store, STREAM)


def stored_size(chain: Chain, uncovered: int) -> LandedSize:
    stored = list(chain.store.list(chain.prefix))
    return LandedSize(len(stored), sum(entry.size for entry in stored), uncovered)


def test_nothing_has_no_size(chain: Chain) -> None:
    chain.store.objects.clear()
    assert landed_size(chain) == LandedSize()


@pytest.mark.parametrize("covered", [False, True])
def test_it_is_that_of_all_objects(chain: Chain, covered: bool) -> None:
    if covered:
        chain.ledger()
        assert len(chain.blocks) == 3
    uncovered = 0 if covered else 7
    assert landed_size(chain) == stored_size(chain, uncovered)
    chain.land(b'{"a":2}', b'{"a":3}')
    assert landed_size(chain) == stored_size(chain, uncovered + 2)
    assert landed_size(chain).objects == 9


def test_an_object_between_two_blocks_is_counted(chain: Chain) -> None:
    chain.ledger()
    key = chain.checkpoints[-1]
    fields = json.loads(chain.store.objects[key].body)
    first, second, third = fields["blocks"]
    assert second["totals"]["objects"] == 3
    fields["blocks"] = [first, third]
    del fields["checksum"]
    body = json.dumps({**fields, "checksum": checkpoint._checksum(fields)}).encode()
    chain.store.put(key, body, {})
    assert landed_size(chain) == stored_size(chain, uncovered=4)


def test_the_manifest_of_the_newest_object_alone_is_requested(chain: Chain) -> None:
    chain.ledger()
    chain.store.calls.clear()
    landed_size(chain)
    assert calls(chain, "read") == 1, "the checkpoint"
    assert calls(chain, "metadata") <= 1
