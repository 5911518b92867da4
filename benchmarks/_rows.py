"""Posts to benchmark with: the generated sample's rows, encoded as the posting emulator does, under any key."""

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any

from emulators.posting.encoding import encode_row
from emulators.posting.routes import Record
from emulators.source_db.generator import generate
from pinterest_platform.catalog import ENTITIES, Entity

_SAMPLE = 2_000


def record(entity: Entity, key: int) -> Record:
    """Return a post of an entity under a key: the sample rows in turns."""
    rows = _sample()[entity]
    return Record(key, encode_row({**rows[key % len(rows)], entity.key_field: key}))


@cache
def _sample() -> dict[Entity, list[Mapping[str, Any]]]:
    chunks = list(generate(_SAMPLE, seed=1))
    return {entity: list(itertools.chain.from_iterable(chunk[entity.name] for chunk in chunks)) for entity in ENTITIES}
