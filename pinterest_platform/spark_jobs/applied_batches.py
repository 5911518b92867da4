"""The objects that a table has applied, among which a late record may have successors of its key (rule P10)."""

from collections.abc import Mapping, Sequence

from pinterest_platform.delta.positions import NO_POSITION, newest_arrival, positions_in
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters


class LateRecordError(Exception):
    """A record arrived before others that the table has applied, and their objects are not known.

    Attributes:
        late_ms: its arrival time, in ms since the epoch.
    """

    def __init__(self, late_ms: int) -> None:
        super().__init__(late_ms)
        self.late_ms = late_ms


class AppliedBatches:
    """The applied objects that a run knows: those of its parameters, and those that it has committed.

    Args:
        parameters: the job's parameters.
    """

    def __init__(self, parameters: CleanParameters) -> None:
        self._earlier = parameters.earlier
        self._since_ms = parameters.earlier_since_ms
        self._committed: list[Batch] = []

    def begin(self, transactions: Mapping[str, int]) -> None:
        """Note the table's `txn` actions before a commit; before the first one, they show what is not known."""
        newest_ms = newest_arrival(transactions)
        if self._since_ms is None and newest_ms is not None:
            self._since_ms = newest_ms + 1

    def add(self, batches: Sequence[Batch]) -> None:
        """Add batches that were committed."""
        self._committed += batches

    def since(self, late_ms: int, batch: Batch, transactions: Mapping[str, int]) -> list[Batch]:
        """Return the applied objects that have a record from a time on.

        Args:
            late_ms: the time, in ms since the epoch.
            batch: the batch that is about to be committed; its objects are left out.
            transactions: the table's `txn` actions.

        Raises:
            LateRecordError: they are not all known, such as after another run has applied some.
        """
        positions = {name: end for name, end in positions_in(transactions).items() if end > NO_POSITION}
        if self._since_ms is None or late_ms < self._since_ms or positions != dict(batch.after):
            raise LateRecordError(late_ms)
        held = {uri for other in (*self._committed, batch) for uri in other.uris}
        earlier = [other for other in self._earlier if not held.issuperset(other.uris)]
        parts = [other.since(late_ms) for other in (*earlier, *self._committed)]
        return [part for part in parts if part.uris]

    def newest_ms(self, transactions: Mapping[str, int], staged_ms: int | None) -> int | None:
        """Return the latest arrival time of the applied records after a commit, None if it is not known.

        Args:
            transactions: the table's `txn` actions before the commit.
            staged_ms: the latest arrival time of the records to commit, None if there is none.
        """
        known = newest_arrival(transactions)
        if known is None and staged_ms is not None and self._since_ms is not None and self._since_ms <= staged_ms:
            times = [time for batch in self._earlier for time in batch.latest_ms or [None]]
            known = (
                max((time for time in times if time is not None), default=NO_POSITION) if None not in times else None
            )
        return None if known is None else max(known, NO_POSITION if staged_ms is None else staged_ms)
