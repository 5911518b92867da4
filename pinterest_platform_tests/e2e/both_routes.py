"""One user's two routes with all that can happen to them: posting, junk, resharding, faults, a service killed."""

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
from pinterest_platform_tests.e2e.accepted import Accepted, kafka_holds, kinesis_holds
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
"""Posts a second: slow enough that drainers at work at once find different ends."""

ITERATOR_SECONDS = 300
"""How long a shard iterator lives."""


class BothRoutes:
    """A real gateway before the shared Kafka and before a Kinesis server of this test's own.

    Args:
        user: whose topics and streams.
        server: the Kinesis server, started with `--controls`.
        gateway: the gateway's URL, stage included.
        chance: what everything is drawn from.
    """

    def __init__(self, user: Tenant, server: Server, gateway: str, chance: random.Random) -> None:
        self.user, self.server, self.gateway, self.chance = user, server, gateway, chance
        self.posted: dict[Entity, Counter[bytes]] = {entity: Counter() for entity in ENTITIES}
        self._faults: dict[str, float] = {}

    # -- posting

    def post(self, count: int, chance: random.Random) -> None:
        """Post rows of random keys over both routes, each key's in the same order; every one has to be accepted."""
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
        # Which records of a request fail is a matter of chance: none is given up for having been unlucky.
        patience = RetryPolicy(request_seconds=10, retry_seconds=60, attempts=100)
        async with contextlib.AsyncExitStack() as opened:
            for route in routes:
                opened.push_async_callback(route.close)
                await route.open(pace.concurrency, patience.retry_seconds)
            poster = Poster(list(zip(routes, tallies, strict=True)), pace, patience, asyncio.Event())
            await poster.run(iter([posts]))
        return tallies

    def junk(self) -> None:
        """Put bytes that no poster would send on both routes, past the gateway."""
        entity, values = self.chance.choice(list(ENTITIES)), self.chance.sample(random_posts.JUNK, 3)
        self.posted[entity].update(values)
        self.user.produce(entity, values)
        while values:
            entries = [{"Data": value, "PartitionKey": str(self.chance.random())} for value in values]
            try:
                told = self.server.client.put_records(StreamName=self.stream(entity), Records=entries)["Records"]
            except (ClientError, BotoCoreError):
                continue
            values = [value for value, result in zip(values, told, strict=True) if "ErrorCode" in result]

    # -- what happens to the streams

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
                place = chance.randrange(len(shards) - 1)
                one, other = shards[place]["ShardId"], shards[place + 1]["ShardId"]
                client.merge_shards(StreamName=stream, ShardToMerge=one, AdjacentShardToMerge=other)

    def worsen(self) -> None:
        """Let the service throttle, fail in part, expire iterators, lose replies."""
        self._faults = {"seed": self.chance.randrange(2**31), **FAULTS}
        self.server.control("/_faults", self._faults)

    def mend(self) -> None:
        """Let the service do as it should again."""
        self._faults = {}
        self.server.control("/_faults", self._faults)

    def expire(self) -> None:
        """Every iterator that is out grows too old at once."""
        self.server.advance(ITERATOR_SECONDS + self.chance.randrange(600))

    def crash(self) -> None:
        """The service is killed, and starts again at its place with what it had acknowledged."""
        self.server.kill()
        if "--port" not in self.server.flags:
            self.server.flags += ("--port", self.server.url.rpartition(":")[2])
        self.server.start()
        self.server.control("/_faults", self._faults)

    # -- what is there

    def kafka(self, entity: Entity) -> Accepted:
        return kafka_holds(self.user.settings.kafka_bootstrap_servers, self.user.names.topic(entity))

    def kinesis(self, entity: Entity) -> Accepted:
        return kinesis_holds(self.server.client, self.stream(entity))


@contextlib.contextmanager
def both_routes(user: Tenant, folder: Path, chance: random.Random) -> Iterator[BothRoutes]:
    """A user's routes, its Kinesis at the address that `AWS_ENDPOINT_URL_KINESIS` has to name."""
    rest = f"127.0.0.1:{Home.find(user.settings.home).port('kafka_rest')}"
    server = Server(folder / "kinesis", "--controls").start()
    variables = {"kafkaRestEndpoint": rest, "kinesisRole": "role/emulated"}
    gateway: Any = Gateway(document.read(DOCUMENT), variables, KEY, {"kinesis": server.url})
    try:
        with serving(gateway) as address:
            yield BothRoutes(user, server, f"http://{address}/staging", chance)
    finally:
        server.stop()
