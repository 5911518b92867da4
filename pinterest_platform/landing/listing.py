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
        return [each for each in self.used if each.position < following and first < each.next]

    def replacing(self, position: int) -> MergedObject | None:
        """Return the one that replaces the landed object at a position, None if that one is not replaced."""
        place = bisect_right(self.used, position, key=attrgetter("position")) - 1
        return self.used[place] if place >= 0 and position < self.used[place].next else None

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
            covering is not None and covering.position < first and [each.position for each in landed[:1]] == [first]
        )
        used = [
            each
            for each in self.used
            if each.next > first
            and (last is None or each.position <= last)
            and not (is_partly_read and each is covering)
        ]
        shown = MergedObjects(tuple(used))
        remaining = [each for each in landed if shown.replacing(each.position) is None]
        return sorted([*used, *remaining], key=attrgetter("position"))


def choose(merged: Sequence[MergedObject]) -> MergedObjects:
    """Separate the merged objects that readers use from superfluous ones.

    If two ranges overlap, because two runs merged at once, the object that was written first is used. So an object that
    is used remains so, and what it replaces can be deleted.
    """
    used: list[MergedObject] = []
    superfluous: list[MergedObject] = []
    for each in sorted(merged, key=lambda merged: (merged.stored.modified_ms, merged.key)):
        place = bisect_right(used, each.position, key=attrgetter("position"))
        overlaps_before = place > 0 and each.position < used[place - 1].next
        overlaps_after = place < len(used) and used[place].position < each.next
        if overlaps_before or overlaps_after or each.position >= each.next:
            superfluous.append(each)
        else:
            used.insert(place, each)
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
    return not list_from or (len(landed) > 0 and [each.position for each in landed] != [list_from])
