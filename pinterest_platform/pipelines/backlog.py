"""Whether a drain should start: what is waiting, and a pure decision over that and the runs there are."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pinterest_platform.entities import Entity
from pinterest_platform.failures import PermanentFailure, PlatformFailure, joined
from pinterest_platform.landing.kafka.pending import inventory, oldest_ms, positions_after
from pinterest_platform.landing.kinesis.lag import stream_backlog
from pinterest_platform.landing.kinesis.pending import stream_inventory
from pinterest_platform.pipelines.planning import stream_options
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicState
from pinterest_platform.settings import Settings

FIRST_WAIT_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of one stream is not in its table yet.

    Attributes:
        records: records in the stream that are not landed; for Kinesis 1 stands for some.
        objects: landed objects that are not cleaned.
        lag_ms: age of the oldest record that is not in the table, be it landed or not; 0 without any, None where
            nobody asked.
    """

    records: int
    objects: int
    lag_ms: int | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self.records > 0 or self.objects > 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a look at a route's streams found.

    Attributes:
        waiting: by entity, what is not in its table yet.
        unknown: by entity, why that cannot be told; some stream's question never hides the others.
    """

    waiting: Mapping[Entity, Waiting]
    unknown: Mapping[Entity, PlatformFailure]


@dataclass(frozen=True, slots=True)
class DrainRun:
    """A run of a route's job, newest first in a list.

    Attributes:
        run_id: its id.
        live: queued, starting or at work; else it has ended.
        failed: it ended with a failure.
        ended: when it ended, in seconds since the epoch; None while it is live.
        worker_lost: it is live by its record, and its worker is known to be dead.
        host: the other host that it works on; empty where it is this one, or not known.
        stuck: of a failed run that drained the others to their end, the streams that it failed by.
    """

    run_id: str
    live: bool
    failed: bool = False
    ended: float | None = None
    worker_lost: bool = False
    host: str = ""
    stuck: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a backlog sensor does: request a run or not, why, and which runs it declares dead first."""

    request: bool
    reason: str
    orphans: tuple[str, ...] = ()


def decide(waiting: Mapping[str, Waiting], runs: Sequence[DrainRun], now: float, busy: str = "") -> Decision:
    """Decide whether to request a drain.

    One live run a route is economy and no ground for correctness: two at once would lose and double nothing.
    Where an engine allows one writer alone, `busy` is that ground.

    Args:
        waiting: by stream, what is not in its table yet.
        runs: the route's runs, newest first.
        now: seconds since the epoch.
        busy: why no run may be requested beside those of other jobs; empty where it may.
    """
    orphans = tuple(run.run_id for run in runs if run.live and run.worker_lost)
    alive = [run for run in runs if run.live and not run.worker_lost]
    if alive:
        where = f", on {alive[0].host}" if alive[0].host else ""
        return Decision(False, f"run {alive[0].run_id} is at work on this route{where}", orphans)
    backlog = {stream: found for stream, found in waiting.items() if found}
    if not backlog:
        return Decision(False, "every stream is landed and cleaned to its end", orphans)
    if busy:
        return Decision(False, busy, orphans)
    ended = [run for run in runs if not run.live]
    wait = min(_wait_after_failures(ended, stream, now) for stream in backlog)
    if wait > 0:
        return Decision(False, f"the last run failed; the next one is requested in {wait:.0f} s", orphans)
    told = "; ".join(f"{stream}: {found.records} records, {found.objects} objects" for stream, found in backlog.items())
    return Decision(True, told, orphans)


def _wait_after_failures(ended: Sequence[DrainRun], stream: str, now: float) -> float:
    """Seconds a stream has still to wait: twice as long after each of its failures in a row, up to the longest wait."""
    row = 0
    while row < len(ended) and ended[row].failed and (not ended[row].stuck or stream in ended[row].stuck):
        row += 1
    if row == 0:
        return 0.0
    wait = min(FIRST_WAIT_SECONDS * 2 ** (row - 1), LONGEST_WAIT_SECONDS)
    return (ended[0].ended or now) + wait - now


def kafka_waiting(settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> Backlog:
    """What of each topic is not in its cleaned table yet.

    Raises:
        PermanentFailure: of no topic it can be told: they are missing, or landed objects are.
        TransientFailure: the broker or the store did not answer; that is never "nothing".
    """

    def look(entity: Entity) -> Waiting:
        topic = settings.names.topic(entity)
        positions = lake.positions(settings.names.cleaned_uri(entity)) or {}
        pending = inventory(objects, topic, positions)
        landed = {**positions, **positions_after(pending)}
        records = 0 if settings.landed_by_connect(entity) else _unlanded(topics.describe(topic), landed)
        return Waiting(records, len(pending))

    return _of_all(look)


def kinesis_waiting(settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> Backlog:
    """What of each stream is not in its table yet; raises as `kafka_waiting` does.

    Kinesis tells no count: 1 stands for some records, or for a stream not looked at for a quarter of its retention.
    """
    return _of_all(lambda entity: _of_stream(entity, settings, shards, objects, lake))


def kinesis_lag_ms(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> int:
    """Age in ms of the oldest record of a stream that is not in its table, be it landed or not; 0 where none waits."""
    return _of_stream(entity, settings, shards, objects, lake).lag_ms or 0


def _of_stream(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> Waiting:
    stream = settings.names.stream(entity)
    positions = lake.positions(settings.names.cleaned_stream_uri(entity)) or {}
    told = stream_backlog(shards, objects, stream, stream_options(settings))
    pending = stream_inventory(objects, stream, positions, hints=told.hints)
    unseen = told.unseen_ms > told.retention_ms / 4
    oldest = oldest_ms(objects, pending)
    uncleaned_ms = 0 if oldest is None else told.now_ms - oldest
    return Waiting(1 if told.pending or unseen else 0, len(pending), max(told.lag_ms, uncleaned_ms))


def _of_all(look: Callable[[Entity], Waiting]) -> Backlog:
    """Look at all streams at once, as silence lasts no longer for three of them; raises where each one fails."""

    def told(entity: Entity) -> Waiting | PlatformFailure:
        try:
            return look(entity)
        except PlatformFailure as failure:
            return failure

    with ThreadPoolExecutor(len(Entity), thread_name_prefix="backlog") as pool:
        found = dict(zip(Entity, pool.map(told, Entity), strict=True))
    unknown = {entity: failure for entity, failure in found.items() if isinstance(failure, PlatformFailure)}
    if len(unknown) == len(found):
        raise joined(list(unknown.values()))
    return Backlog({entity: seen for entity, seen in found.items() if isinstance(seen, Waiting)}, unknown)


def refuse_unlanded(stream: str, settings: Settings, shards: ShardLog, objects: ObjectStore) -> None:
    """Refuse to let a stream go of which something is not landed.

    Raises:
        PermanentFailure: something waits in it, or whether something does cannot be told.
        TransientFailure: the service or the store did not answer.
    """
    if stream_backlog(shards, objects, stream, stream_options(settings)).pending:
        raise PermanentFailure(
            f"{stream} holds records that are not landed; nothing was deleted.",
            "Stop the posting and run streaming_pipeline first; or, to lose them, set even_unlanded.",
        )


def _unlanded(state: TopicState, landed: Mapping[str, int]) -> int:
    """Committed offsets of a topic that no landed object covers; `landed` holds the last one covered, by app id."""
    beside = f"{state.topic}/epoch={state.topic_id}/"
    prefix = beside if any(app_id.startswith(beside) for app_id in landed) else f"{state.topic}/"
    gone = {part.partition: landed.get(f"{prefix}{part.partition}", part.earliest - 1) for part in state.partitions}
    return sum(max(0, part.end - 1 - gone[part.partition]) for part in state.partitions)
