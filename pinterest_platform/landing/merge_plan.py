"""The choice of the small objects to merge (rule L23)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pinterest_platform.landing.segment import Segment


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """Options of a merge.

    Attributes:
        object_bytes: the most bytes of a merged object.
        written_before_ms: only objects that were written before this time, in ms since the epoch, are merged.
        replaced_before_ms: objects that were replaced before this time are deleted.
        dry_run: only count.
    """

    object_bytes: int
    written_before_ms: int
    replaced_before_ms: int
    dry_run: bool = False


def plan_runs(
    segments: Sequence[Segment], root: str, quarantined: set[int], options: MergeOptions
) -> Iterator[list[Segment]]:
    """Yield the runs of consecutive objects to merge; the newest object is in none.

    Args:
        segments: the objects of a chain that readers use, in order.
        root: the root of landed objects; others are not merged.
        quarantined: positions of objects that are not merged, because they have quarantined records.
        options: the options of the merge.
    """
    run: list[Segment] = []
    size = 0
    for segment in segments[:-1]:
        is_small = segment.size <= options.object_bytes // 2 and segment.root == root
        is_old = segment.modified_ms < options.written_before_ms
        is_mergeable = is_small and is_old and segment.position not in quarantined
        if not is_mergeable or size + segment.size > options.object_bytes:
            if len(run) > 1:
                yield run
            run, size = [], 0
        if is_mergeable:
            run.append(segment)
            size += segment.size
    if len(run) > 1:
        yield run
