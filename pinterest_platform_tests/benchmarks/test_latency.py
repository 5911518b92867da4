"""Posts at a steady rate, and their visibility to a reader of the tables."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from benchmarks._latency import Poster, quantile
from benchmarks._watching import Watcher
from emulators.posting.routes import Record, Verdict
from pinterest_platform.catalog import ENTITIES, PIN, entity_named


class Route:
    name, address, max_records, max_bytes = "fake", "nowhere", 500, 1_000_000

    def __init__(self) -> None:
        self.sent: list[tuple[str, Record]] = []

    async def open(self, connections: int, patience_seconds: float) -> None: ...

    async def close(self) -> None: ...

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        self.sent += [(entity, record) for record in records]
        return [None] * len(records)


@pytest.mark.parametrize(("rate", "seconds"), [(5, 1.0), (1000, 0.5)])
def test_posts_are_sent_at_the_rate_and_shared_among_the_entities(rate: int, seconds: float) -> None:
    route = Route()
    sent = asyncio.run(Poster(route).steadily(rate, seconds))
    assert len(sent) == len(route.sent) == rate * seconds
    shares = Counter(entity for entity, _ in route.sent).values()
    assert len(shares) == len(ENTITIES) and max(shares) - min(shares) <= max(1, rate * seconds / 10)
    for entity, record in route.sent:
        assert json.loads(record.value)[entity_named(entity).key_field] == record.key


def test_a_key_is_visible_once_it_is_in_a_committed_version(tmp_path: Path) -> None:
    tables = {entity: str(tmp_path / entity.name) for entity in ENTITIES}
    with Watcher(tables) as watcher:
        began = time.time()
        assert not watcher.wait_for({(PIN, 1)}, 0.2)
        for keys in ([1], [2, 3]):
            write_deltalake(tables[PIN], pa.table({"ind": keys}), mode="append")
        assert watcher.wait_for({(PIN, key) for key in (1, 2, 3)}, 20)
    assert set(watcher.visible_at) == {(PIN, key) for key in (1, 2, 3)}
    assert began < watcher.visible_at[PIN, 1] <= watcher.visible_at[PIN, 3]


def test_a_quantile_is_one_of_the_latencies() -> None:
    latencies = [float(number) for number in range(1, 101)]
    assert (quantile(latencies, 0.5), quantile(latencies, 0.95), quantile([0.3], 0.95)) == (50.0, 95.0, 0.3)
