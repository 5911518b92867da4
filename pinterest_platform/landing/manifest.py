"""The manifest: the metadata of a landed object."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.ports import ObjectStore


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
        cls, draft: SegmentDraft, lander: str, topic_id: str | None, ordinal: int | None = None, ended: bool = False
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


def manifest_of(store: ObjectStore, key: str) -> Manifest | None:
    """The manifest of an object that was just listed; None where somebody else wrote the object.

    Raises:
        TransientFailure: the object is gone.
    """
    metadata = store.metadata(key)
    if metadata is None:
        raise TransientFailure(f"{key} disappeared while the landed objects were read.", "Run it again.")
    return Manifest.read(key, metadata)
