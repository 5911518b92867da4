"""Writing one object so that each position gets exactly one successor (ARCHITECTURE "Landing exactly once" 4, 5)."""

from collections.abc import Callable

from pinterest_platform.failures import TransientFailure
from pinterest_platform.landing.chain import ObjectChain
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.ports import ObjectStore

JSON_LINES = "application/x-ndjson"


def commit(
    store: ObjectStore,
    chain: ObjectChain,
    root: str,
    draft: SegmentDraft,
    manifest: Manifest,
    unchanged: Callable[[], None],
) -> Manifest:
    """Write a draft, or find out who extended the chain from there first.

    The quarantine goes first and counts only together with its object, whose creation alone is the commit.

    Args:
        store: where to.
        chain: whose chain it extends.
        root: the root of its key.
        draft: what to write.
        manifest: what it says of itself.
        unchanged: raises if the source is no longer what the draft was read from.

    Returns:
        The manifest of the object that now extends the chain from `draft.position`: ours or another lander's.
    """
    key = chain.key(root, draft.position)
    if draft.quarantined:
        store.put(chain.quarantine_key(root, draft.position, draft.end), draft.quarantine, content_type=JSON_LINES)
    unchanged()
    if store.put_if_absent(key, draft.body, manifest.metadata(), JSON_LINES):
        return manifest
    metadata = store.metadata(key)
    if metadata is None:
        raise TransientFailure(f"{key} was taken and is gone again.", "Run the landing again.")
    winner = Manifest.read(key, metadata)
    if winner is None:
        raise TransientFailure(
            f"{key} was written by somebody else while this position was being landed.",
            "Run the landing again: it adopts what a Connect sink wrote. Let one lander only write a topic "
            "(PINTEREST_CONNECT_TOPICS).",
        )
    return winner
