"""Whether a drain should start: what is waiting, and a pure decision over that and the runs there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pinterest_platform.entities import Entity
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing import inventory, positions_after, stream_backlog, stream_inventory
from pinterest_platform.planning import stream_options
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
        lag_ms: how long the oldest record that is not landed has waited; 0 where none does, None where nobody asked.
    """

    records: int
    objects: int
    lag_ms: int | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self.records > 0 or self.objects > 0


@dataclass(frozen=True, slots=True)
class DrainRun:
    """A run of a route's job, newest first in a list.

    Attributes:
        run_id: its id.
        live: queued, starting or at work; else it has ended.
        failed: it ended with a failure.
        ended: when it ended, in seconds since the epoch; None while it is live.
        worker_lost: it is live by its record, and its worker is known to be dead.
    """

    run_id: str
    live: bool
    failed: bool = False
    ended: float | None = None
    worker_lost: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What a backlog sensor does: request a run or not, why, and which runs it declares dead first."""

    request: bool
    reason: str
    orphans: tuple[str, ...] = ()


def decide(waiting: Mapping[str, Waiting], runs: Sequence[DrainRun], now: float) -> Decision:
    """Decide whether to request a drain.

    One live run a route is economy and no ground for correctness: two at once would lose and double nothing.

    Args:
        waiting: by stream, what is not in its table yet.
        runs: the route's runs, newest first.
        now: seconds since the epoch.
    """
    orphans = tuple(run.run_id for run in runs if run.live and run.worker_lost)
    alive = [run for run in runs if run.live and not run.worker_lost]
    if alive:
        return Decision(False, f"run {alive[0].run_id} is at work on this route", orphans)
    backlog = {stream: found for stream, found in waiting.items() if found}
    if not backlog:
        return Decision(False, "every stream is landed and cleaned to its end", orphans)
    wait = _wait_after_failures([run for run in runs if not run.live], now)
    if wait > 0:
        return Decision(False, f"the last run failed; the next one is requested in {wait:.0f} s", orphans)
    told = "; ".join(f"{stream}: {found.records} records, {found.objects} objects" for stream, found in backlog.items())
    return Decision(True, told, orphans)


def _wait_after_failures(ended: Sequence[DrainRun], now: float) -> float:
    """Seconds still to wait: twice as long after each failure in a row, up to the longest wait."""
    row = 0
    while row < len(ended) and ended[row].failed:
        row += 1
    if row == 0:
        return 0.0
    wait = min(FIRST_WAIT_SECONDS * 2 ** (row - 1), LONGEST_WAIT_SECONDS)
    return (ended[0].ended or now) + wait - now


def kafka_waiting(settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> dict[Entity, Waiting]:
    """What of each topic is not in its cleaned table yet.

    Raises:
        PermanentFailure: a topic is missing, or landed objects are.
        TransientFailure: the broker or the store did not answer; that is never "nothing".
    """
    found: dict[Entity, Waiting] = {}
    for entity in Entity:
        topic = settings.names.topic(entity)
        positions = lake.positions(settings.names.cleaned_uri(entity)) or {}
        pending = inventory(objects, topic, positions)
        landed = {**positions, **positions_after(pending)}
        records = 0 if settings.landed_by_connect(entity) else _unlanded(topics.describe(topic), landed)
        found[entity] = Waiting(records, len(pending))
    return found


def kinesis_waiting(settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> dict[Entity, Waiting]:
    """What of each stream is not in its table yet; raises as `kafka_waiting` does.

    Kinesis tells no count: 1 stands for some records, or for a stream not looked at for a quarter of its retention.
    """
    found: dict[Entity, Waiting] = {}
    for entity in Entity:
        stream = settings.names.stream(entity)
        positions = lake.positions(settings.names.cleaned_stream_uri(entity)) or {}
        pending = stream_inventory(objects, stream, positions)
        told = stream_backlog(shards, objects, stream, stream_options(settings))
        unseen = told.unseen_ms > told.retention_ms / 4
        found[entity] = Waiting(1 if told.pending or unseen else 0, len(pending), told.lag_ms)
    return found


def kinesis_lag_ms(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore) -> int:
    """Age in ms of the oldest record of a stream that is not landed; 0 where none waits."""
    return stream_backlog(shards, objects, settings.names.stream(entity), stream_options(settings)).lag_ms


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
