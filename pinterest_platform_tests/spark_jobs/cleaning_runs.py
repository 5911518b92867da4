"""Runs of the job `clean` as the platform makes them: after one that meets a late record, a second one (rule P10)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult


def clean_all(
    run: Callable[[CleanParameters], CleanResult], parameters: CleanParameters, landed: Sequence[Batch]
) -> CleanResult:
    """Run the job; if it ends before a late record, run it again with all other objects that were landed.

    Args:
        run: runs the job.
        parameters: its parameters.
        landed: every batch that was landed until now.
    """
    result = run(parameters)
    if result.late_ms is None:
        return result
    reached = dict(result.positions)
    rest = [
        batch for batch in parameters.batches if any(reached.get(a, -1) < end for a, end in batch.positions.items())
    ]
    applied = [batch for batch in landed if batch not in rest and covers(reached, batch)]
    planned: list[Batch] = []
    for batch in rest:
        planned.append(replace(batch, after={name: end for name, end in reached.items() if end >= 0}))
        reached |= batch.positions
    again = run(replace(parameters, batches=planned, earlier=applied, earlier_since_ms=0))
    assert again.late_ms is None
    return result.plus(again)


def covers(reached: dict[str, int], batch: Batch) -> bool:
    """Return whether a table with these positions has applied a batch."""
    return all(reached.get(name, -1) >= end for name, end in batch.positions.items())
