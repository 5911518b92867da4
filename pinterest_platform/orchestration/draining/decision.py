"""The decision of a backlog sensor, as a pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinterest_platform.messages import counted
from pinterest_platform.pipelines.backlog import Pending

FIRST_WAIT_SECONDS = 15.0

LONGEST_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class DrainRun:
    """A run of a route's job.

    Attributes:
        run_id: its id.
        live: whether it is queued, starting or running; else it has ended.
        failed: whether it ended with a failure.
        ended: when it ended, in seconds since the epoch; None while it is live.
        worker_lost: whether it is live by its record, but its process is dead.
        host: the other host that it runs on; empty if it is this one or unknown.
        stuck: the streams that made it fail, if it drained the others to their end.
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
    """The action of a backlog sensor.

    Attributes:
        request: whether to request a run.
        reason: why.
        orphans: the ids of runs to declare dead first.
    """

    request: bool
    reason: str
    orphans: tuple[str, ...] = ()


def decide(backlog: Mapping[str, Pending], runs: Sequence[DrainRun], now: float) -> Decision:
    """Decide whether to request a drain.

    One live run per route saves work; correctness does not need it (rule P7).

    Args:
        backlog: by stream, the records that are not in its table yet.
        runs: the route's runs, newest first.
        now: seconds since the epoch.
    """
    orphans = tuple(run.run_id for run in runs if run.live and run.worker_lost)
    alive = [run for run in runs if run.live and not run.worker_lost]
    if alive:
        host = f", on {alive[0].host}" if alive[0].host else ""
        return Decision(
            request=False, reason=f"run {alive[0].run_id} of this route is in progress{host}", orphans=orphans
        )
    pending = {stream: records for stream, records in backlog.items() if records}
    if not pending:
        return Decision(request=False, reason="every stream is landed and cleaned to its end", orphans=orphans)
    ended = [run for run in runs if not run.live]
    wait = min(_wait_after_failures(ended, stream, now) for stream in pending)
    if wait > 0:
        reason = f"the last run failed; the next one is requested in {wait:.0f} s"
        return Decision(request=False, reason=reason, orphans=orphans)
    counts = [
        f"{stream}: {counted(part.records, 'record')}, {counted(part.objects, 'object')}"
        for stream, part in pending.items()
    ]
    return Decision(request=True, reason="; ".join(counts), orphans=orphans)


def _wait_after_failures(ended: Sequence[DrainRun], stream: str, now: float) -> float:
    """Return the seconds until a stream's next run; the wait doubles with each of its consecutive failures."""
    failures = 0
    for run in ended:
        if not run.failed or (run.stuck and stream not in run.stuck):
            break
        failures += 1
    if failures == 0:
        return 0.0
    wait = min(FIRST_WAIT_SECONDS * 2 ** (failures - 1), LONGEST_WAIT_SECONDS)
    return (ended[0].ended or now) + wait - now
