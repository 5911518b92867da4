"""A stream as a landing finds it: what the service lists, and how far the store goes."""

from collections.abc import Callable
from dataclasses import dataclass

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kinesis.chain import ShardChain, list_chains
from pinterest_platform.landing.kinesis.history import ShardHistory, read_history
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.quarantine import sweep as sweep_orphans
from pinterest_platform.landing.kinesis.state import ResumeState, ShardPosition, Watermark
from pinterest_platform.landing.kinesis.watermarks import first_watermarks, hints, read_watermarks
from pinterest_platform.ports import ObjectStore, ShardLog, StreamState


@dataclass(slots=True)
class StreamSnapshot:
    """What a call begins with.

    Attributes:
        state: the stream as the service describes it.
        beside: whether its epoch lands beside an older one.
        positions: by shard, how far its chain goes; every listed shard has one.
        sightings: by shard, when its tip was last seen; a first landing's own where nothing was landed yet.
        begun: whether some call has landed from this stream before.
    """

    state: StreamState
    beside: bool
    positions: dict[str, ShardPosition]
    sightings: dict[str, Watermark]
    begun: bool

    @property
    def hints(self) -> dict[str, int]:
        """By app id, an object of the chain from which on it need be listed."""
        return hints(self.state.stream, self.state.epoch if self.beside else None, self.sightings)

    def vanished(self) -> list[tuple[str, int]]:
        """Shards that were not landed to their end and are not listed any more, each with the last number landed."""
        listed = {shard.shard_id for shard in self.state.shards}
        found: list[tuple[str, int]] = []
        for shard in sorted({*self.positions, *self.sightings} - listed):
            position = self.positions.get(shard, ShardPosition())
            if position.ended:
                continue
            found.append((shard, self.sightings[shard].after if position.end is None else position.end))
        return found


def read_snapshot(
    log: ShardLog,
    store: ObjectStore,
    stream: str,
    options: StreamOptions,
    resume: ResumeState | None,
    *,
    sweep: bool = True,
) -> StreamSnapshot:
    """Describe a stream and find out how far it was landed.

    Args:
        log: the stream's service.
        store: the bucket.
        stream: which stream.
        options: what to do about a new epoch.
        resume: what an earlier call left; without it, or in another epoch, the store is listed.
        sweep: delete quarantine that no object vouches for, where the store is listed.

    Raises:
        PermanentFailure: there is no such stream, or it was made anew and is not to be landed so.
        TransientFailure: the service or the store did not answer.
    """
    state = log.describe(stream)

    known = None if resume is not None and resume.epoch == state.epoch else read_watermarks(store, stream, state.epoch)

    def history(chain: ShardChain) -> ShardHistory:
        found = read_history(store, chain, known[chain.shard].newest if known and chain.shard in known else None)
        if sweep:
            sweep_orphans(store, found)
        return found

    if resume is not None and resume.epoch == state.epoch:
        positions, sightings = dict(resume.positions), dict(resume.sightings)
        beside, begun = resume.beside, True
    else:
        histories, beside = _histories(log, store, state, options, history)
        positions = {shard: found.position for shard, found in histories.items()}
        begun = known is not None or bool(positions)
        sightings = first_watermarks(state) if known is None and not begun else known or {}
    for shard in state.shards:
        if shard.shard_id not in positions:
            chain = ShardChain(stream, shard.shard_id, state.epoch if beside else None)
            positions[shard.shard_id] = history(chain).position
    return StreamSnapshot(state, beside, positions, sightings, begun)


def _histories(
    log: ShardLog,
    store: ObjectStore,
    state: StreamState,
    options: StreamOptions,
    history: Callable[[ShardChain], ShardHistory],
) -> tuple[dict[str, ShardHistory], bool]:
    """The chains of the stream's epoch, by shard, and whether they stand beside an older epoch's."""
    stored = list_chains(store, state.stream)
    histories = {chain.shard: history(chain) for chain in stored if chain.epoch is None}
    landed = {found.newest.topic_id for found in histories.values() if found.newest} - {None}
    if landed <= {state.epoch}:
        return histories, False
    if (now := log.epoch(state.stream)) != state.epoch:
        raise TransientFailure(
            f"{state.stream} was deleted and made anew a moment ago: epoch {state.epoch} became {now}.", "Run it again."
        )
    if options.new_epoch == "fail":
        raise PermanentFailure(
            f"{state.stream} was deleted and made anew: epoch {', '.join(sorted(map(str, landed)))} was landed, "
            f"and the stream now has {state.epoch}.",
            "Nothing was landed. To land the new stream beside the old one, set PINTEREST_NEW_EPOCH=land.",
        )
    return {chain.shard: history(chain) for chain in stored if chain.epoch == state.epoch}, True
