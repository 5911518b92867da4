"""The decision whether a backlog sensor requests a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinterest_platform.pipelines.backlog import Pending


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


FIRST_WAIT_SECONDS = 15.0


LONGEST_WAIT_SECONDS = 600.0


def decide(waiting: Mapping[str, Pending], runs: Sequence[DrainRun], now: float) -> Decision:
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
        where = f", on {alive[0].host}" if alive[0].host else ""
        return Decision(False, f"run {alive[0].run_id} is at work on this route{where}", orphans)
    backlog = {stream: found for stream, found in waiting.items() if found}
    if not backlog:
        return Decision(False, "every stream is landed and cleaned to its end", orphans)
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
