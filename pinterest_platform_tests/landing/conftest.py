"""A chain of landed objects on fakes, on both routes."""

import pytest

from pinterest_platform.landing import checkpoint
from pinterest_platform_tests.landing.chains import Chain, Partition, Shard


@pytest.fixture(params=[Partition, Shard])
def chain(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """A chain of seven objects that were landed before the last two days; a block has three at most."""
    monkeypatch.setattr(checkpoint, "_MAX_OBJECTS", 3)
    chain: Chain = request.param()
    chain.land(*[b'{"a":1}'] * 6, b"junk")
    chain.age()
    return chain
