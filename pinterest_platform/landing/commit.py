"""Creation of one object, so that each position gets exactly one successor (rules L10, L11)."""

from collections.abc import Callable
from typing import TypeVar

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.chain import ChainFolder
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.ports import ObjectStore

JSON_LINES = "application/x-ndjson"
M = TypeVar("M", bound=Manifest)


def commit(
    store: ObjectStore, folder: ChainFolder, draft: SegmentDraft, manifest: M, check_epoch: Callable[[], None]
) -> M:
    """Write a draft, or return the manifest of the object that another writer put at its position first.

    Args:
        store: the bucket.
        folder: the chain's folder that gets the object.
        draft: the content.
        manifest: its manifest.
        check_epoch: raises if the stream was recreated since the draft was read.

    Returns:
        The manifest of the object that now extends the chain from `draft.position`.

    Raises:
        TransientFailure: a foreign object is at the position, or the store did not respond.
    """
    key = folder.key(draft.position)
    if draft.quarantined:
        store.put(folder.quarantine_key(draft.position, draft.end), draft.quarantine, content_type=JSON_LINES)
    check_epoch()
    if store.put_if_absent(key, draft.body, manifest.sealed_metadata(), JSON_LINES):
        return manifest
    metadata = store.metadata(key)
    if metadata is None:
        raise TransientFailure(
            f"{key} was created by another run, and deleted before this run could read it.", "Run the landing again."
        )
    winner = type(manifest).parse(key, metadata)
    if winner is None:
        raise TransientFailure(
            f"{key} was written by another program while this position was landed.",
            "Run the landing again: it adopts objects of a Connect sink. Let only one program write a topic "
            "(PINTEREST_CONNECT_TOPICS).",
        )
    winner.require_unchanged(key)
    winner.require_name(key)
    return winner


def unknown_start(app_id: str) -> PermanentFailure:
    """Return the failure of a chain without objects whose cleaned position cannot be read (rule L17)."""
    return PermanentFailure(
        f"{app_id}: the position to land from is unknown: no object was landed, and the positions of the cleaned table "
        "cannot be read.",
        "Repair the cleaned table, or delete it: the next run then lands from the oldest record and rebuilds it.",
    )
