"""When the tips of shards were last seen: what tells an idle shard from one whose records retention took.

Sequence numbers have gaps, so nothing in a stream shows that records are gone. What shows that none are is that a shard
was landed to its tip less than the retention ago: by the newest record's arrival, or, for an idle shard, by a sighting.
Sightings stand in one small object an epoch; they decide no position, and losing them can only raise a false alarm.
They also name each chain's newest object, so that a chain is listed from there and not from its beginning.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from pinterest_platform.catalog import SIGHTINGS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.state import ShardPosition, Watermark
from pinterest_platform.ports import Json, ObjectStore, ShardState, StreamState


def watermarks_key(stream: str, epoch: str) -> str:
    """Where a stream's sightings stand."""
    return f"{SIGHTINGS_PREFIX}{stream}/{epoch}.json"


def read_watermarks(store: ObjectStore, stream: str, epoch: str) -> dict[str, Watermark] | None:
    """Sightings by shard; None where there are none, as before a stream's first landing.

    Raises:
        PermanentFailure: the object was damaged.
    """
    key = watermarks_key(stream, epoch)
    if store.metadata(key) is None:
        return None
    try:
        found = orjson.loads(store.read(key))["shards"]
        return {shard: _watermark(seen) for shard, seen in found.items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PermanentFailure(
            f"{key} is damaged: {error!r}.",
            "Delete it; shards that hold nothing landed may then be reported as possibly lost, which accept_loss ends.",
        ) from None


def write_watermarks(store: ObjectStore, stream: str, epoch: str, sightings: Mapping[str, Watermark]) -> None:
    """Replace a stream's sightings."""
    shards = {shard: _written(seen) for shard, seen in sorted(sightings.items())}
    body = orjson.dumps({"stream": stream, "epoch": epoch, "shards": shards}, option=orjson.OPT_INDENT_2)
    store.put(watermarks_key(stream, epoch), body, content_type="application/json")


def _watermark(seen: Mapping[str, Any]) -> Watermark:
    found = Watermark(int(seen["after"]), int(seen["seen_ms"]))
    return replace(found, newest=int(seen["newest"]), ordinal=int(seen["ordinal"])) if "newest" in seen else found


def _written(seen: Watermark) -> Json:
    told: Json = {"after": str(seen.after), "seen_ms": seen.seen_ms}
    return told if seen.newest is None else {**told, "newest": str(seen.newest), "ordinal": seen.ordinal}


def hints(stream: str, epoch: str | None, sightings: Mapping[str, Watermark]) -> dict[str, int]:
    """By app id, the newest object of each chain as it was seen last; `epoch` is None in a stream's first one."""
    return {
        ShardChain(stream, shard, epoch).app_id: seen.newest
        for shard, seen in sightings.items()
        if seen.newest is not None
    }


def first_watermarks(state: StreamState) -> dict[str, Watermark]:
    """What a stream's first landing begins with: whatever retention took before it is not its loss."""
    return {shard.shard_id: Watermark(shard.start, state.now_ms) for shard in state.shards}


def last_known_tip(
    shard: ShardState,
    state: StreamState,
    positions: Mapping[str, ShardPosition],
    sightings: Mapping[str, Watermark],
) -> int | None:
    """The latest time at which all of a shard was certainly landed, or out of the first landing's reach.

    For a shard of which nothing was landed or seen it is that of its next ancestors, whose records all came before.

    Returns:
        Milliseconds since the epoch, None where nothing is known of the shard or its ancestors.
    """

    def known(shard_id: str) -> int | None:
        position, seen = positions.get(shard_id, ShardPosition()), sightings.get(shard_id)
        # Up to `after` all was landed and nothing lay behind: so whatever was landed since arrived later still.
        if seen is not None and (position.end is None or seen.after <= position.end):
            return max(seen.seen_ms, position.latest_ms)
        return position.latest_ms or None

    return _of_the_next(shard, state, known, itself=True)


def latest_before(shard: ShardState, state: StreamState, positions: Mapping[str, ShardPosition]) -> int:
    """The latest arrival that was landed of a shard's next ancestors of which any was; 0 where none was."""

    def latest(shard_id: str) -> int | None:
        return positions.get(shard_id, ShardPosition()).latest_ms or None

    return _of_the_next(shard, state, latest, itself=False) or 0


def _of_the_next(
    shard: ShardState, state: StreamState, known: Callable[[str], int | None], *, itself: bool
) -> int | None:
    """The largest value among a shard's next ancestors that have one, perhaps beginning with the shard itself."""
    parents = {listed.shard_id: listed.parents for listed in state.shards}
    waiting = [shard.shard_id] if itself else list(shard.parents)
    looked_at: set[str] = set()
    values: list[int] = []
    while waiting:
        shard_id = waiting.pop()
        if shard_id in looked_at:
            continue
        looked_at.add(shard_id)
        value = known(shard_id)
        if value is None:
            waiting += parents.get(shard_id, ())
        else:
            values.append(value)
    return max(values, default=None)
