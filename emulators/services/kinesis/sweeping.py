"""Removing expired and deleted records from disk in small steps."""

import asyncio
import logging

from emulators.services.journal import StorageFailure
from emulators.services.kinesis.core import Core

_STEP = 2000
"""Records removed in one step, which blocks other requests for a few milliseconds."""
_PAUSE_SECONDS = 0.01

_logger = logging.getLogger(__name__)


async def sweep_forever(core: Core) -> None:
    """Sweep periodically until cancelled."""
    while True:
        try:
            await sweep(core)
        except StorageFailure as failure:
            _logger.error("%s Free some disk space.", failure)
            core.catalog.reload()
        await asyncio.sleep(core.options.sweep_seconds)


async def sweep(core: Core) -> None:
    """Remove all expired and deleted records; raises StorageFailure."""
    for stream in core.catalog.all():
        core.catalog.drop_expired(stream)
    shard_keys = [(stream.id, number) for stream in core.catalog.all() for number in stream.shards]
    for stream_id, number in shard_keys:
        # Read again each time: other requests may have deleted or reloaded it meanwhile.
        stream = core.catalog.by_id(stream_id)
        shard = stream.shards.get(number) if stream else None
        if stream and shard:
            core.log.trim(stream, shard)
            while core.tables.collect(shard, _STEP):
                await core.journal.durable()
                await asyncio.sleep(_PAUSE_SECONDS)
    while core.tables.collect_dropped(_STEP):
        await core.journal.durable()
        await asyncio.sleep(_PAUSE_SECONDS)
    await core.journal.durable()
