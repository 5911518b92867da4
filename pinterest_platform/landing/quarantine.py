"""What was not accepted: read it back, and sweep what no object vouches for (ARCHITECTURE "Landing exactly once" 4)."""

from collections.abc import Collection

from pinterest_platform.landing.chain import ObjectChain
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.ports import ObjectStore


def sort_out(
    store: ObjectStore,
    chain: ObjectChain,
    root: str,
    ranges: set[tuple[int, int]],
    first: int,
    last: int,
    elsewhere: Collection[int] = (),
) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Part what counts from orphans, among the quarantine objects of a chain with first <= position <= last.

    `ranges` are the positions and ends that objects seem to have by their neighbours' names. Where a neighbour is
    missing that is wrong, so what has another range is an orphan only if the object itself says so, or if its position
    is among those that were committed under another root; and where there is no object it is neither.
    """
    counting: dict[str, tuple[int, int]] = {}
    orphans: list[str] = []
    after = chain.quarantine_key(root, first - 1, 0) if first else ""
    for found in store.list(chain.quarantine_folder(root), after):
        covered = chain.quarantine_range(found.key)
        if covered is None or not first <= covered[0] <= last:
            continue
        end = covered[1] if covered in ranges else _end_of(store, chain.key(root, covered[0]))
        if end == covered[1]:
            counting[found.key] = covered
        elif end is not None or covered[0] in elsewhere:
            orphans.append(found.key)
    return counting, orphans


def _end_of(store: ObjectStore, key: str) -> int | None:
    """What an object says that it ends with; None where there is none, or somebody else wrote it."""
    metadata = store.metadata(key)
    manifest = None if metadata is None else Manifest.read(key, metadata)
    return manifest.end if manifest else None
