"""Both routes of a user and the events on them: posting, junk, resharding, faults, a killed service."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulators.home import Home
from emulators.posting.counts import Counts
from emulators.posting.delivery import RetryPolicy
from emulators.posting.kafka import KafkaRoute
from emulators.posting.kinesis import KinesisRoute
from emulators.posting.poster import Pace, Poster
from emulators.posting.source import Post
from emulators.services.api_gateway import document
from emulators.services.api_gateway.app import Gateway
from emulators.services.api_gateway.service import DOCUMENT
from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform_tests.e2e import random_posts
from pinterest_platform_tests.e2e.accepted import Accepted, read_stream, read_topic
from pinterest_platform_tests.e2e.harness import Tenant
from pinterest_platform_tests.emulators.services.kinesis import reading
from pinterest_platform_tests.emulators.services.kinesis.server import Server
from pinterest_platform_tests.emulators.services.serving import serving

KEY = "the-key"
FAULTS = {
    "throttle": 0.06, "partial": 0.05, "expire_iterators": 0.1, "errors": 0.03, "lost_replies": 0.04, "slow": 0.05,
    "slow_seconds": 0.05,
}  # fmt: skip
RATE = 60.0
"""Posts per second: slow enough that concurrent drains find different ends."""

ITERATOR_SECONDS = 300
"""Lifetime of a shard iterator."""


class BothRoutes:
    """A real gateway in front of the shared Kafka and of a Kinesis server of this test's own.

    Args:
        user: the owner of the topics and streams.
        server: the Kinesis server, started with `--controls`.
        gateway: the gateway's URL, stage included.
        chance: the source of every random choice.
    """

    def __init__(self, user: Tenant, server: Server, gateway: str, chance: random.Random) -> None:
        self.user, self.server, self.gateway, self.chance = user, server, gateway, chance
        self.posted: dict[Entity, Counter[bytes]] = {entity: Counter() for entity in ENTITIES}
        self._faults: dict[str, float] = {}

    # -- posting

    def post(self, count: int, chance: random.Random) -> None:
        """Post rows of random keys over both routes, those of a key in the same order; each must be accepted."""
        posts = [
            Post(key, {entity.name: random_posts.row(chance, entity, key) for entity in ENTITIES})
            for key in chance.choices(random_posts.KEYS, k=count)
        ]
        pace = Pace(RATE, per_request=chance.choice((1, 5, 40)), concurrency=chance.choice((1, 4, 8)))
        tallies = asyncio.run(self._post(posts, pace))
        assert all(tally.failed == 0 for tally in tallies), [tally.summary() for tally in tallies]
        for entity in ENTITIES:
            self.posted[entity].update(post.rows[entity.name] for post in posts)

    async def _post(self, posts: list[Post], pace: Pace) -> list[Counts]:
        user_id = self.user.settings.user_id
        routes = [KafkaRoute(self.gateway, KEY, user_id), KinesisRoute(self.gateway, KEY, user_id)]
        tallies = [Counts() for _ in routes]
        # The records of a request that fail are random: retry long enough that none fails permanently.
        retries = RetryPolicy(request_seconds=10, retry_seconds=60, attempts=100)
        async with contextlib.AsyncExitStack() as opened:
            for route in routes:
                opened.push_async_callback(route.close)
                await route.open(pace.concurrency, retries.retry_seconds)
            poster = Poster(list(zip(routes, tallies, strict=True)), pace, retries, asyncio.Event())
            await poster.run(iter([posts]))
        return tallies

    def junk(self) -> None:
        """Put bytes that no poster sends on both routes, bypassing the gateway."""
        entity, values = self.chance.choice(list(ENTITIES)), self.chance.sample(random_posts.JUNK, 3)
        self.posted[entity].update(values)
        self.user.produce(entity, values)
        while values:
            entries = [{"Data": value, "PartitionKey": str(self.chance.random())} for value in values]
            try:
                results = self.server.client.put_records(StreamName=self.stream(entity), Records=entries)["Records"]
            except (ClientError, BotoCoreError):
                continue
            values = [value for value, result in zip(values, results, strict=True) if "ErrorCode" in result]

    # -- events

    def stream(self, entity: Entity) -> str:
        return self.user.names.stream(entity)

    def reshard(self) -> None:
        """Split a shard of a random stream, or merge two neighbours; injected faults may prevent it."""
        client, stream, chance = self.server.client, self.stream(self.chance.choice(list(ENTITIES))), self.chance
        with contextlib.suppress(ClientError):
            shards = reading.open_shards(client, stream)
            if len(shards) < 3 or (len(shards) < 6 and chance.random() < 0.5):
                shard = chance.choice(shards)
                low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
                middle = str(chance.randint(low + 1, high))
                client.split_shard(StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)
            else:
                index = chance.randrange(len(shards) - 1)
                left, right = shards[index]["ShardId"], shards[index + 1]["ShardId"]
                client.merge_shards(StreamName=stream, ShardToMerge=left, AdjacentShardToMerge=right)

    def inject_faults(self) -> None:
        """Make the service throttle, fail in part, expire iterators and lose responses."""
        self._faults = {"seed": self.chance.randrange(2**31), **FAULTS}
        self.server.control("/_faults", self._faults)

    def clear_faults(self) -> None:
        """Stop injecting faults."""
        self._faults = {}
        self.server.control("/_faults", self._faults)

    def expire(self) -> None:
        """Expire all iterators at once."""
        self.server.advance(ITERATOR_SECONDS + self.chance.randrange(600))

    def crash(self) -> None:
        """Kill the service and restart it at the same address with everything that it had acknowledged."""
        self.server.kill()
        if "--port" not in self.server.flags:
            self.server.flags += ("--port", self.server.url.rpartition(":")[2])
        self.server.start()
        self.server.control("/_faults", self._faults)

    # -- reading

    def kafka(self, entity: Entity) -> Accepted:
        return read_topic(self.user.settings.kafka_bootstrap_servers, self.user.names.topic(entity))

    def kinesis(self, entity: Entity) -> Accepted:
        return read_stream(self.server.client, self.stream(entity))


@contextlib.contextmanager
def both_routes(user: Tenant, folder: Path, chance: random.Random) -> Iterator[BothRoutes]:
    """Yield the routes of a user; AWS_ENDPOINT_URL_KINESIS must name the address of their Kinesis server."""
    rest_address = f"127.0.0.1:{Home.find(user.settings.home).port('kafka_rest')}"
    server = Server(folder / "kinesis", "--controls").start()
    variables = {"kafkaRestEndpoint": rest_address, "kinesisRole": "role/emulated"}
    gateway: Any = Gateway(document.read(DOCUMENT), variables, KEY, {"kinesis": server.url})
    try:
        with serving(gateway) as address:
            yield BothRoutes(user, server, f"http://{address}/staging", chance)
    finally:
        server.stop()
