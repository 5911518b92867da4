"""Landed objects to build tables from: posts with repeated keys, with the envelope and names of the platform."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from emulators.posting.encoding import encode_row
from emulators.source_db.generator import generate
from pinterest_platform.catalog import ENTITIES
from pinterest_platform.catalog.kinds import from_text, united
from pinterest_platform.landing.kinds import ObservedKinds
from pinterest_platform.spark_jobs.parameters import Batch

PARTITIONS = 3
OBJECT_BYTES = 64 * 1024**2
BATCH_BYTES = 1024**3
"""The defaults of PINTEREST_KAFKA_PARTITIONS, PINTEREST_OBJECT_BYTES and PINTEREST_CLEAN_BATCH_BYTES."""
_FIRST_ARRIVAL_MS = 1_700_000_000_000
_REPEATS = (3, 6, 9)
"""The posts of every ten that repeat an earlier key."""
_CHANGED_EVERY = 100
_POOL = 50_000
"""Earlier posts from which repeats are drawn: a uniform sample of all."""


@dataclass(frozen=True, slots=True)
class Post:
    """The rows of one key as they are posted, by entity."""

    key: int
    lines: Mapping[str, bytes]


class Posts:
    """A history of posts: of every ten, three repeat an earlier key, and one repeat of a hundred has changed values.

    Args:
        rows: the number of posts that the keys of the first `rows` posts are generated for.
        seed: same rows and seed, same posts.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._new = itertools.chain(_generated(rows, seed, 0), _generated(rows, seed + 1, rows))
        self._pool: list[Post] = []
        self._new_posts = self._repeats = self._posts = 0

    def take(self, posts: int) -> Iterator[Post]:
        """Return the next posts."""
        for _ in range(posts):
            yield self._repeat() if self._posts % 10 in _REPEATS else self._first()
            self._posts += 1

    def _first(self) -> Post:
        post = next(self._new)
        self._new_posts += 1
        if len(self._pool) < _POOL:
            self._pool.append(post)
        elif (index := self._random.randrange(self._new_posts)) < _POOL:
            self._pool[index] = post
        return post

    def _repeat(self) -> Post:
        index = self._random.randrange(len(self._pool))
        self._repeats += 1
        if self._repeats % _CHANGED_EVERY == 0:
            self._pool[index] = self._changed(self._pool[index])
        return self._pool[index]

    def _changed(self, post: Post) -> Post:
        """Return the post with another value in each row, of columns that reports read."""
        values = {
            "pin": {"follower_count": f"{self._random.randint(1, 999)}k"},
            "geo": {"country": f"Atlantis {self._random.randint(1, 9)}"},
            "user": {"age": self._random.randint(20, 60)},
        }
        return Post(
            post.key, {name: encode_row({**orjson.loads(line), **values[name]}) for name, line in post.lines.items()}
        )


def latest_again(posts: Sequence[Post]) -> Iterator[Post]:
    """Return as many posts, each with the values that the newest post of its key has."""
    latest = {post.key: post for post in posts}
    return itertools.islice(itertools.cycle(latest.values()), len(posts))


@dataclass(frozen=True, slots=True)
class Load:
    """Landed objects of all topics.

    Attributes:
        batches: by entity, the batches to clean.
    """

    batches: Mapping[str, Sequence[Batch]]

    @property
    def records(self) -> int:
        """The records of all objects."""
        return sum(batch.records or 0 for batches in self.batches.values() for batch in batches)

    @property
    def bytes(self) -> int:
        """The bytes of all objects."""
        return sum(batch.size or 0 for batches in self.batches.values() for batch in batches)


def objects(load: Load, after: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the objects of earlier loads and of this one, by entity."""
    return {
        entity: [*after.get(entity, ()), *(uri for batch in batches for uri in batch.uris)]
        for entity, batches in load.batches.items()
    }


@dataclass
class Topics:
    """Topics of three partitions, one for each entity, landed in a folder.

    Args:
        folder: the folder of the objects.
        object_bytes: the size that ends an object.
        batch_bytes: the most bytes of a batch.
    """

    folder: Path
    object_bytes: int = OBJECT_BYTES
    batch_bytes: int = BATCH_BYTES
    _ends: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    _reached: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    _posts: int = 0

    def land(self, posts: Iterator[Post]) -> Load:
        """Land posts behind those that were landed before."""
        open_objects: dict[tuple[str, int], _Object] = {}
        landed: dict[str, list[_Object]] = {entity.name: [] for entity in ENTITIES}
        for post in posts:
            arrival = _FIRST_ARRIVAL_MS + self._posts
            self._posts += 1
            partition = post.key % PARTITIONS
            for entity, line in post.lines.items():
                chain = (entity, partition)
                offset = self._ends.get(chain, -1) + 1
                self._ends[chain] = offset
                if chain not in open_objects:
                    open_objects[chain] = _Object.create(self.folder, entity, partition, offset)
                    landed[entity].append(open_objects[chain])
                open_objects[chain].append(offset, arrival, line)
                if open_objects[chain].size >= self.object_bytes:
                    open_objects.pop(chain).handle.close()
        for open_object in open_objects.values():
            open_object.handle.close()
        return Load({entity: list(self._batches(entity, objects)) for entity, objects in landed.items()})

    def _batches(self, entity: str, landed: Sequence["_Object"]) -> Iterator[Batch]:
        reached = self._reached.setdefault(entity, {})
        for group in self._groups(landed):
            batch = replace(_batch(group), after=dict(reached))
            reached |= batch.positions
            yield batch

    def _groups(self, landed: Sequence["_Object"]) -> Iterator[list["_Object"]]:
        group: list[_Object] = []
        for landed_object in landed:
            if group and sum(member.size for member in group) + landed_object.size > self.batch_bytes:
                yield group
                group = []
            group.append(landed_object)
        if group:
            yield group


@dataclass
class _Object:
    path: Path
    partition: int
    handle: Any
    end: int = -1
    latest_ms: int | None = None
    records: int = 0
    size: int = 0
    kinds: ObservedKinds = field(default_factory=ObservedKinds)

    @classmethod
    def create(cls, folder: Path, entity: str, partition: int, offset: int) -> "_Object":
        path = folder / f"u.{entity}+{partition}+{offset:019}.json"
        return cls(path, partition, path.open("wb"))

    def append(self, offset: int, arrival: int, line: bytes) -> None:
        envelope = b'{"_partition":%d,"_offset":%d,"_timestamp":%d,' % (self.partition, offset, arrival)
        fields = orjson.loads(line)
        self.kinds.add(fields, tuple(map(type, fields.values())))
        self.size += self.handle.write(envelope + line[1:] + b"\n")
        self.records += 1
        self.end, self.latest_ms = offset, arrival


def _batch(group: Sequence[_Object]) -> Batch:
    return Batch(
        [str(landed_object.path) for landed_object in group],
        {f"id/{landed_object.partition}": landed_object.end for landed_object in group},
        sum(landed_object.records for landed_object in group),
        size=sum(landed_object.size for landed_object in group),
        kinds=united(from_text(landed_object.kinds.text() or "") for landed_object in group) or None,
        object_records=[landed_object.records for landed_object in group],
        latest_ms=[landed_object.latest_ms for landed_object in group],
    )


def _generated(rows: int, seed: int, first_key: int) -> Iterator[Post]:
    for chunk in generate(rows, seed):
        for number in range(len(chunk["pin"])):
            rows_of_post = {entity: chunk[entity.name][number] for entity in ENTITIES}
            key = rows_of_post[ENTITIES[0]][ENTITIES[0].key_field] + first_key
            lines = {entity.name: encode_row({**row, entity.key_field: key}) for entity, row in rows_of_post.items()}
            yield Post(key, lines)
