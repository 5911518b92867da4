"""Writing one object so that each position gets exactly one successor (ARCHITECTURE "Landing exactly once" 4, 5)."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.chain import ChainNames
from pinterest_platform.landing.segment import Draft
from pinterest_platform.ports import ObjectStore

JSON_LINES = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an object says of itself in its metadata; counts are over `start` to `end`, both included.

    `digest` is the SHA-256 of its bytes, `lander` tells one call's objects from another's, and `topic_id` is
    absent from adopted objects: nobody knows which of the topics of that name Connect read.

    A shard's object covers what lies above its predecessor's `end` (its position) up to its own; `start` is its first
    record's sequence number, `topic_id` the stream's epoch, `ordinal` its place in the chain, from 0, `accepted_gap` 1
    where records before it may be lost, and `ended` says that it is the last one of a closed shard.
    """

    start: int
    end: int
    records: int
    quarantined: int
    gaps: int
    accepted_gap: int
    digest: str
    lander: str
    topic_id: str | None = None
    earliest_ms: int | None = None
    latest_ms: int | None = None
    sources: int = 0
    ordinal: int | None = None
    ended: bool = False

    @classmethod
    def of(
        cls, draft: Draft, lander: str, topic_id: str | None, ordinal: int | None = None, ended: bool = False
    ) -> "Manifest":
        """The manifest of an object that is about to be written."""
        return cls(
            start=draft.start,
            end=draft.end,
            records=draft.records,
            quarantined=draft.quarantined,
            gaps=draft.gaps,
            accepted_gap=draft.accepted_gap,
            digest=hashlib.sha256(draft.body).hexdigest(),
            lander=lander,
            topic_id=topic_id,
            earliest_ms=draft.earliest_ms,
            latest_ms=draft.latest_ms,
            sources=draft.sources,
            ordinal=ordinal,
            ended=ended,
        )

    def metadata(self) -> dict[str, str]:
        """As user metadata of an object."""
        named = {
            "start": self.start,
            "end": self.end,
            "records": self.records,
            "quarantined": self.quarantined,
            "gaps": self.gaps,
            "accepted-gap": self.accepted_gap,
            "digest": self.digest,
            "lander": self.lander,
            "topic-id": self.topic_id,
            "earliest-ms": self.earliest_ms,
            "latest-ms": self.latest_ms,
            "sources": self.sources or None,
            "ordinal": self.ordinal,
            "ended": int(self.ended) or None,
        }
        return {name: str(value) for name, value in named.items() if value is not None}

    @classmethod
    def read(cls, key: str, metadata: Mapping[str, str]) -> "Manifest | None":
        """The manifest in an object's metadata; None where the object is not one of the platform's.

        Raises:
            PermanentFailure: it is one of the platform's, and its metadata was damaged.
        """
        if "lander" not in metadata or "digest" not in metadata:
            return None

        def optional(name: str) -> int | None:
            return int(metadata[name]) if name in metadata else None

        try:
            return cls(
                start=int(metadata["start"]),
                end=int(metadata["end"]),
                records=int(metadata["records"]),
                quarantined=int(metadata["quarantined"]),
                gaps=int(metadata["gaps"]),
                accepted_gap=int(metadata["accepted-gap"]),
                digest=metadata["digest"],
                lander=metadata["lander"],
                topic_id=metadata.get("topic-id"),
                earliest_ms=optional("earliest-ms"),
                latest_ms=optional("latest-ms"),
                sources=optional("sources") or 0,
                ordinal=optional("ordinal"),
                ended=bool(optional("ended")),
            )
        except (KeyError, ValueError) as error:
            raise PermanentFailure(
                f"The metadata of {key} is damaged: {error!r}.",
                "Restore the object as it was written; the conservation ledger names what else is off.",
            ) from None


def commit(
    store: ObjectStore, chain: ChainNames, root: str, draft: Draft, manifest: Manifest, unchanged: Callable[[], None]
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
