"""Posts at a steady rate, and the time until each is visible to a reader."""

import asyncio
import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks._rows import record
from benchmarks._watching import Watcher
from emulators.posting.routes import Record, Route
from pinterest_platform.catalog import ENTITIES, Entity

_PATIENCE_SECONDS = 300.0
_TICK_SECONDS = 0.1

Sent = dict[tuple[Entity, int], float]


@dataclass
class Poster:
    """A poster of rows with unused keys, and the time at which each was sent.

    Args:
        route: the route through the gateway.
    """

    route: Route
    keys: Iterator[int] = field(default_factory=itertools.count)

    async def post(self, entity: Entity, records: int) -> Sent:
        """Post rows of an entity in one request; the time is taken before the request."""
        rows = [record(entity, next(self.keys)) for _ in range(records)]
        sent = time.time()
        await self._accepted(entity, rows)
        return {(entity, row.key): sent for row in rows}

    async def steadily(self, per_second: int, seconds: float) -> Sent:
        """Post all entities in turn for some seconds, on time however long the responses take."""
        ticks = round(per_second * seconds) if per_second < 1 / _TICK_SECONDS else round(seconds / _TICK_SECONDS)
        pause = seconds / ticks
        began = time.monotonic()
        tasks: list[asyncio.Task[Sent]] = []
        entities = itertools.cycle(ENTITIES)
        due = 0.0
        for tick in range(ticks):
            await asyncio.sleep(max(0.0, began + tick * pause - time.monotonic()))
            due += per_second * pause
            together = 1 if per_second * pause < len(ENTITIES) else len(ENTITIES)
            for remaining in range(together, 0, -1):
                share = round(due / remaining)
                tasks.append(asyncio.create_task(self.post(next(entities), share)))
                due -= share
        return {key: sent for posted in await asyncio.gather(*tasks) for key, sent in posted.items()}

    async def _accepted(self, entity: Entity, rows: list[Record]) -> None:
        verdicts = await self.route.send(entity.name, rows)
        if refused := [verdict for verdict in verdicts if verdict is not None]:
            raise RuntimeError(f"{len(refused)} posts were not accepted: {refused[0].reason}")


def measure_latencies(poster: Poster, watcher: Watcher, per_second: int, seconds: float) -> list[float]:
    """Return the sorted latencies in seconds of posts at a steady rate, from before each was sent until it is visible.

    Raises:
        RuntimeError: a post was refused, or not visible after five minutes.
    """

    async def post() -> Sent:
        await poster.route.open(64, 30)
        try:
            return await poster.steadily(per_second, seconds)
        finally:
            await poster.route.close()

    sent = asyncio.run(post())
    if not watcher.wait_for(set(sent), _PATIENCE_SECONDS):
        raise RuntimeError(f"{len(set(sent) - watcher.visible_at.keys())} of {len(sent)} posts never became visible")
    return sorted(watcher.visible_at[key] - moment for key, moment in sent.items())


def quantile(latencies: list[float], share: float) -> float:
    """Return the smallest latency that this share of all latencies does not exceed."""
    return latencies[max(math.ceil(share * len(latencies)) - 1, 0)]
