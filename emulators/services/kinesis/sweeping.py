"""Removing from disk, bit by bit, what retention or a deletion has put out of sight."""

import asyncio
import logging

from emulators.services.journal import StorageFailure
from emulators.services.kinesis.core import Core

_STEP = 2000
"""Records removed at once: a few milliseconds in which nothing else is answered."""
_PAUSE_SECONDS = 0.01

_logger = logging.getLogger(__name__)


async def sweep_forever(core: Core) -> None:
    """Sweep now and then, until cancelled."""
    while True:
        try:
            await sweep(core)
        except StorageFailure as failure:
            _logger.error("%s Free some space.", failure)
            core.catalog.reload()
        await asyncio.sleep(core.options.sweep_seconds)


async def sweep(core: Core) -> None:
    """Remove everything that is out of sight; raises StorageFailure."""
    for stream in core.catalog.all():
        core.catalog.drop_expired(stream)
    places = [(stream.id, number) for stream in core.catalog.all() for number in stream.shards]
    for stream_id, number in places:
        # Looked up again each time: while others were answered, it may have been deleted or loaded anew.
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
