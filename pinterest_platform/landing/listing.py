"""The listed objects of a chain that a reader uses: merged objects, and those that none replaces (rule L23)."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from pinterest_platform.catalog import MERGED_PREFIX
from pinterest_platform.landing.chain import ChainFolder, merged_name
from pinterest_platform.ports import ObjectStore, StoredObject


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object whose name holds a position.

    Attributes:
        position: the position.
        stored: its entry in the listing.
        root: the root of its key.
        objects: number of landed objects that it holds.
    """

    position: int
    stored: StoredObject
    root: str
    objects: int = 1

    @property
    def key(self) -> str:
        """Its key."""
        return self.stored.key


@dataclass(frozen=True, slots=True)
class MergedObject(ListedObject):
    """An object that replaces the landed objects from its position up to, and without, `next`."""

    next: int = 0

    def overlaps(self, other: "MergedObject") -> bool:
        """Return whether both cover a position."""
        return self.position < other.next and other.position < self.next


@dataclass(frozen=True, slots=True)
class MergedObjects:
    """The merged objects of a chain.

    Attributes:
        used: those that readers use, in order; their ranges do not overlap.
        superfluous: those that overlap one that was written earlier; no reader uses them.
    """

    used: tuple[MergedObject, ...] = ()
    superfluous: tuple[MergedObject, ...] = ()

    def within(self, first: int, following: int) -> list[MergedObject]:
        """Return those used that overlap the range from one position up to, and without, another."""
        return [
            merged_object
            for merged_object in self.used
            if merged_object.position < following and first < merged_object.next
        ]

    def replacing(self, position: int) -> MergedObject | None:
        """Return the one that replaces the landed object at a position, None if that one is not replaced."""
        index = bisect_right(self.used, position, key=attrgetter("position")) - 1
        return self.used[index] if index >= 0 and position < self.used[index].next else None

    def apply(
        self, landed: Sequence[ListedObject], list_from: int | None = None, list_to: int | None = None
    ) -> list[ListedObject]:
        """Return the objects to read, in order, so that each position is in one of them.

        If a merged object replaces the object at `list_from` and others before it, the landed ones are read while they
        exist: they are deleted in order, so all later ones exist, too.

        Args:
            landed: the landed objects in order, as listed before the merged ones or not long after them.
            list_from: position from which on they were listed; None or 0 for all.
            list_to: position up to which they were listed; None for all.
        """
        first, last = list_from or 0, list_to
        covering = self.replacing(first)
        is_partly_read = (
            covering is not None
            and covering.position < first
            and [landed_object.position for landed_object in landed[:1]] == [first]
        )
        used = [
            merged_object
            for merged_object in self.used
            if merged_object.next > first
            and (last is None or merged_object.position <= last)
            and not (is_partly_read and merged_object is covering)
        ]
        shown = MergedObjects(tuple(used))
        remaining = [landed_object for landed_object in landed if shown.replacing(landed_object.position) is None]
        return sorted([*used, *remaining], key=attrgetter("position"))


def choose(merged: Sequence[MergedObject]) -> MergedObjects:
    """Separate the merged objects that readers use from superfluous ones.

    If two ranges overlap, because two runs merged at once, the object that was written first is used. So an object that
    is used remains so, and what it replaces can be deleted.
    """
    used: list[MergedObject] = []
    superfluous: list[MergedObject] = []
    for candidate in sorted(merged, key=lambda merged: (merged.stored.modified_ms, merged.key)):
        index = bisect_right(used, candidate.position, key=attrgetter("position"))
        overlaps_before = index > 0 and candidate.position < used[index - 1].next
        overlaps_after = index < len(used) and used[index].position < candidate.next
        if overlaps_before or overlaps_after or candidate.position >= candidate.next:
            superfluous.append(candidate)
        else:
            used.insert(index, candidate)
    return MergedObjects(tuple(used), tuple(superfluous))


def list_merged(store: ObjectStore, landed: ChainFolder) -> MergedObjects:
    """List the merged objects of a chain, given the folder of its landed ones."""
    folder = replace(landed, root=MERGED_PREFIX)
    return choose(
        [
            MergedObject(name.position, stored, MERGED_PREFIX, name.objects, name.end + folder.step)
            for stored in folder.list_objects(store)
            if (name := merged_name(stored.key)) and stored.key == folder.merged_key(*name)
        ]
    )


def can_be_merged(landed: Sequence[ListedObject], list_from: int | None) -> bool:
    """Return whether merged objects can replace some of a chain from a position on.

    The newest object is never merged, so none can if nothing else is listed.
    """
    return not list_from or (len(landed) > 0 and [landed_object.position for landed_object in landed] != [list_from])
