"""Counts of a pipeline: since it began, and since its last report."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pinterest_platform.landing.kafka import LandedTopic
from pinterest_platform.pipelines.landers import Landed
from pinterest_platform.spark_jobs.parameters import CleanResult


@dataclass(slots=True)
class Totals:
    """Counts of a pipeline since it began.

    Attributes:
        objects: objects landed.
        records: records in them.
        quarantined: records that landing quarantined.
        bytes: size of the objects.
        cleaned: summed counts of cleaning, and the table after the last batch; None if nothing was cleaned.
        implausible_times: records with an implausible time, by partition; Kafka only.
    """

    objects: int = 0
    records: int = 0
    quarantined: int = 0
    bytes: int = 0
    cleaned: CleanResult | None = None
    implausible_times: Counter[int] = field(default_factory=Counter[int])
    _reported: "Totals | None" = field(default=None, repr=False, compare=False)

    def add_landed(self, landed: Landed) -> None:
        """Add one landing."""
        self.objects += landed.objects
        self.records += landed.records
        self.quarantined += landed.quarantined
        self.bytes += landed.bytes
        if isinstance(landed, LandedTopic):
            self.implausible_times.update({part.partition: part.implausible_times for part in landed.partitions})

    def add_cleaned(self, result: CleanResult) -> None:
        """Add one cleaning."""
        self.cleaned = result if self.cleaned is None else self.cleaned.plus(result)

    def take_interval(self) -> "Totals":
        """Return the counts since the last call."""
        before = self._reported or Totals()
        self._reported = replace(self, _reported=None)
        return Totals(
            self.objects - before.objects,
            self.records - before.records,
            self.quarantined - before.quarantined,
            self.bytes - before.bytes,
            _difference(self.cleaned, before.cleaned) if self.cleaned and before.cleaned else self.cleaned,
        )


def _difference(total: CleanResult, before: CleanResult) -> CleanResult:
    """Subtract the counts of an earlier cleaning; names without a count are left out."""
    return replace(
        total,
        records=total.records - before.records,
        quarantined=total.quarantined - before.quarantined,
        reasons=_difference_by_name(total.reasons, before.reasons),
        keys=total.keys - before.keys,
        new=total.new - before.new,
        changed=total.changed - before.changed,
        unchanged=total.unchanged - before.unchanged,
        unreadable=_difference_by_name(total.unreadable, before.unreadable),
    )


def _difference_by_name(total: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in total.items() if count > before.get(name, 0)}
