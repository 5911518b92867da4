"""Watermarks of shards: when an idle shard was last read up to its tip (rules K7, K8, N14).

Sequence numbers have gaps, so a stream does not show that retention deleted records. A shard lost nothing if it was
landed up to its tip less than the retention ago: by the newest record's time or, for an idle shard, by its watermark.
A watermark also has the position of the chain's newest object, so that the chain is listed from there.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from pinterest_platform.catalog import SIGHTINGS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.state import Watermark
from pinterest_platform.ports import Json, ObjectStore, StreamState

_CHECKED_MS = "seen_ms"  # codespell:ignore seen


def watermarks_key(stream: str, epoch: str) -> str:
    """Return the key of a stream's watermarks."""
    return f"{SIGHTINGS_PREFIX}{stream}/{epoch}.json"


def read_watermarks(store: ObjectStore, stream: str, epoch: str) -> dict[str, Watermark] | None:
    """Return the watermark of each shard, or None before a stream's first landing.

    Raises:
        PermanentFailure: the object is damaged.
    """
    key = watermarks_key(stream, epoch)
    if store.metadata(key) is None:
        return None
    try:
        shards = orjson.loads(store.read(key))["shards"]
        return {shard: _from_json(fields) for shard, fields in shards.items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PermanentFailure(
            f"{key} is damaged: {error!r}.",
            "Delete it. Idle shards can then be reported as possibly lost; use accept_loss for those.",
        ) from None


def write_watermarks(store: ObjectStore, stream: str, epoch: str, watermarks: Mapping[str, Watermark]) -> None:
    """Replace a stream's watermarks."""
    shards = {shard: _to_json(watermark) for shard, watermark in sorted(watermarks.items())}
    body = orjson.dumps({"stream": stream, "epoch": epoch, "shards": shards}, option=orjson.OPT_INDENT_2)
    store.put(watermarks_key(stream, epoch), body, content_type="application/json")


def first_watermarks(state: StreamState) -> dict[str, Watermark]:
    """Return the watermarks before a stream's first landing; records that expired before it are not lost."""
    return {shard.shard_id: Watermark(shard.start, state.now_ms) for shard in state.shards}


def _from_json(fields: Mapping[str, Any]) -> Watermark:
    watermark = Watermark(int(fields["after"]), int(fields[_CHECKED_MS]))
    if "newest" not in fields:
        return watermark
    return replace(watermark, newest=int(fields["newest"]), ordinal=int(fields["ordinal"]))


def _to_json(watermark: Watermark) -> Json:
    fields: Json = {"after": str(watermark.after), _CHECKED_MS: watermark.checked_ms}
    if watermark.newest is None:
        return fields
    return {**fields, "newest": str(watermark.newest), "ordinal": watermark.ordinal}
