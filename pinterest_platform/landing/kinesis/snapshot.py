"""A stream when a call begins: the shards that the service lists, and the end of each chain in the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kinesis.chain import ShardChain, list_chains
from pinterest_platform.landing.kinesis.history import History, read_history
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.state import ChainState, Watermark
from pinterest_platform.landing.kinesis.watermarks import first_watermarks, read_watermarks
from pinterest_platform.ports import ObjectStore, ShardLog, ShardState, StreamState

HistoryReader = Callable[[ObjectStore, ShardChain, int | None], History]


@dataclass(slots=True)
class StreamSnapshot:
    """The state of a stream when a call begins; chain states and watermarks change while the call lands.

    Attributes:
        state: the stream as the service describes it.
        is_recreated: whether it is landed next to an older epoch.
        chain_states: the state of each shard's chain; every listed shard has one, unless it is among the failures.
        watermarks: the watermark of each shard.
        is_landed: whether an earlier call has landed from this stream.
        failures: by shard, the failure of a chain that cannot be read; nothing is landed from the shard.
    """

    state: StreamState
    is_recreated: bool
    chain_states: dict[str, ChainState]
    watermarks: dict[str, Watermark]
    is_landed: bool
    failures: dict[str, PermanentFailure] = field(default_factory=dict[str, PermanentFailure])

    def chain(self, shard_id: str) -> ShardChain:
        """Return the chain of a shard."""
        return ShardChain(self.state.stream, shard_id, self.state.epoch if self.is_recreated else None)

    def chain_state(self, shard_id: str) -> ChainState:
        """Return the state of a shard's chain."""
        return self.chain_states.get(shard_id, ChainState())

    @property
    def list_from(self) -> dict[str, int]:
        """The position, by app id, of an object from which on the chain need be listed."""
        return {
            self.chain(shard).app_id: watermark.newest
            for shard, watermark in self.watermarks.items()
            if watermark.newest is not None
        }

    def vanished(self) -> list[tuple[str, int]]:
        """Return the shards that are not landed to their end and no longer listed, with the last number landed."""
        listed = {shard.shard_id for shard in self.state.shards}
        vanished: list[tuple[str, int]] = []
        for shard in sorted({*self.chain_states, *self.watermarks} - listed - self.failures.keys()):
            chain_state = self.chain_state(shard)
            if not chain_state.ended:
                vanished.append((shard, self.watermarks[shard].after if chain_state.end is None else chain_state.end))
        return vanished

    def last_tip_ms(self, shard: ShardState) -> int | None:
        """Return the latest time at which a shard was certainly landed up to its tip, or before its first landing.

        For a shard without objects and watermark it is that of its nearest ancestors, whose records are all older.
        The time is in ms since the epoch; it is None if nothing is known of the shard and its ancestors.
        """

        def tip_ms(shard_id: str) -> int | None:
            chain_state, watermark = self.chain_state(shard_id), self.watermarks.get(shard_id)
            # Nothing was newer than `after` at the watermark's time, so what was landed since arrived later.
            if watermark is not None and (chain_state.end is None or watermark.after <= chain_state.end):
                return max(watermark.checked_ms, chain_state.latest_ms)
            return chain_state.latest_ms or None

        return self._max_of_nearest([shard.shard_id], tip_ms)

    def parents_latest_ms(self, shard: ShardState) -> int:
        """Return the latest append time of a shard's nearest ancestors that have one; 0 if none has."""

        def latest_ms(shard_id: str) -> int | None:
            return self.chain_state(shard_id).latest_ms or None

        return self._max_of_nearest(list(shard.parents), latest_ms) or 0

    def _max_of_nearest(self, shard_ids: list[str], value_of: Callable[[str], int | None]) -> int | None:
        """Return the largest value of some shards, replacing each shard without value by its parents."""
        parents = {listed.shard_id: listed.parents for listed in self.state.shards}
        waiting = shard_ids
        visited: set[str] = set()
        values: list[int] = []
        while waiting:
            shard_id = waiting.pop()
            if shard_id in visited:
                continue
            visited.add(shard_id)
            value = value_of(shard_id)
            if value is None:
                waiting += parents.get(shard_id, ())
            else:
                values.append(value)
        return max(values, default=None)


def read_snapshot(
    log: ShardLog, store: ObjectStore, stream: str, options: StreamOptions, read: HistoryReader = read_history
) -> StreamSnapshot:
    """Describe a stream and read how far it is landed.

    Args:
        log: the stream's service.
        store: the bucket.
        stream: the stream.
        options: the rule for a new epoch, and the state of an earlier call; without one of the same epoch the store is
            listed.
        read: reads the chain of a shard.

    Raises:
        PermanentFailure: the stream does not exist, or it was recreated and the options do not allow to land it.
        TransientFailure: the service or the store did not respond.
    """
    state, resume = log.describe(stream), options.resume
    if resume is not None and resume.epoch == state.epoch:
        chain_states, watermarks = dict(resume.chain_states), dict(resume.watermarks)
        snapshot = StreamSnapshot(state, resume.is_recreated, chain_states, watermarks, is_landed=True)
    else:
        snapshot = _list_store(log, store, state, options, read)
    missing = {shard.shard_id for shard in state.shards} - snapshot.chain_states.keys() - snapshot.failures.keys()
    histories, failures = _read_all(
        store, [snapshot.chain(shard_id) for shard_id in sorted(missing)], snapshot.watermarks, read
    )
    snapshot.chain_states.update({shard_id: history.chain_state for shard_id, history in histories.items()})
    snapshot.failures.update(failures)
    return snapshot


def _read_all(
    store: ObjectStore, chains: list[ShardChain], watermarks: Mapping[str, Watermark], read: HistoryReader
) -> tuple[dict[str, History], dict[str, PermanentFailure]]:
    """Read chains; return the histories by shard, and the failures of those that cannot be read."""
    histories: dict[str, History] = {}
    failures: dict[str, PermanentFailure] = {}
    for chain in chains:
        try:
            histories[chain.shard] = read(store, chain, _newest(watermarks, chain.shard))
        except PermanentFailure as failure:
            failures[chain.shard] = failure
    return histories, failures


def _list_store(
    log: ShardLog, store: ObjectStore, state: StreamState, options: StreamOptions, read: HistoryReader
) -> StreamSnapshot:
    stored = read_watermarks(store, state.stream, state.epoch)
    chains = list_chains(store, state.stream)

    def read_epoch(epoch: str | None) -> tuple[dict[str, History], dict[str, PermanentFailure]]:
        return _read_all(store, [chain for chain in chains if chain.epoch == epoch], stored or {}, read)

    histories, failures = read_epoch(None)
    landed_epochs = {history.newest.epoch for history in histories.values() if history.newest}
    is_recreated = not landed_epochs <= {state.epoch}
    if is_recreated:
        _check_recreated(log, state, options, landed_epochs)
        histories, failures = read_epoch(state.epoch)
    chain_states = {shard: history.chain_state for shard, history in histories.items()}
    if stored is None and chain_states:
        # A first landing that started meanwhile wrote its watermarks before its objects.
        stored = read_watermarks(store, state.stream, state.epoch)
    is_landed = stored is not None or bool(chain_states) or bool(failures)
    watermarks = (stored or {}) if is_landed else first_watermarks(state)
    return StreamSnapshot(state, is_recreated, chain_states, watermarks, is_landed, failures)


def _check_recreated(log: ShardLog, state: StreamState, options: StreamOptions, landed_epochs: set[str]) -> None:
    """Refuse to land a recreated stream unless the options allow it (rules K9, L14)."""
    if (current := log.epoch(state.stream)) != state.epoch:
        raise TransientFailure(
            f"{state.stream} was recreated while its shards were read: epoch {state.epoch} became {current}.",
            "Retry.",
        )
    if options.new_epoch == "fail":
        raise PermanentFailure(
            f"{state.stream} was recreated: epoch {', '.join(sorted(landed_epochs))} was landed, "
            f"and the stream now has {state.epoch}.",
            "Nothing was landed. To land the new stream next to the old one, set PINTEREST_NEW_EPOCH=land.",
        )


def _newest(watermarks: Mapping[str, Watermark], shard: str) -> int | None:
    watermark = watermarks.get(shard)
    return watermark.newest if watermark else None
