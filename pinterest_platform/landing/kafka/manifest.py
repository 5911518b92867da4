"""The manifest of an object landed from Kafka."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pinterest_platform.landing.chain import position_in
from pinterest_platform.landing.manifest import (
    LONG_LIMIT,
    Manifest,
    common_fields,
    metadata_of,
    number,
    optional_int,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionManifest(Manifest):
    """The manifest of an object landed or adopted from a partition.

    Attributes:
        start: the first offset that it covers; beyond the one in its key only in a chain's first object.
        gaps: offsets without a record, such as transaction markers.
        accepted_gap: lost offsets that were accepted; then the object has no record.
        topic_id: the id of the topic; None in an adopted object, because a Connect sink does not record it.
        sources: in an adopted object, the number of the sink's objects that it holds.
        sources_digest: SHA-256 of their keys, sizes and ETags; None in objects that older versions adopted.
        unverified: in an adopted object, the number of records at offsets that nothing confirmed.
    """

    start: int
    gaps: int
    accepted_gap: int
    topic_id: str | None = None
    sources: int = 0
    sources_digest: str | None = None
    unverified: int = 0

    @property
    def accounted(self) -> int:
        """Offsets that the object accounts for."""
        return self.records + self.quarantined + self.gaps + self.accepted_gap

    @property
    def covered(self) -> range:
        """The offsets that the object covers."""
        return range(self.start, self.end + 1)

    def name_problem(self, key: str) -> str | None:
        """Return the contradiction between the manifest and the object's key, None if there is none.

        Without an app id, only the position and epoch are compared.
        """
        if problem := Manifest.name_problem(self, key):
            return problem
        epoch = re.search(r"/epoch=([^/]+)/", key)
        if self.topic_id and epoch and self.topic_id != epoch[1]:
            return f"{key} was landed from topic id {self.topic_id}, not from the one in its key"
        position = position_in(key)
        if self.start != position and position != 0:
            return f"{key} claims to start at {self.start}"
        return None

    def metadata(self) -> dict[str, str]:
        """Return the manifest as user metadata."""
        return Manifest.metadata(self) | metadata_of(
            {
                "start": self.start,
                "gaps": self.gaps,
                "accepted-gap": self.accepted_gap,
                "topic-id": self.topic_id,
                "sources": self.sources or None,
                "sources-digest": self.sources_digest,
                "unverified": self.unverified or None,
            }
        )

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Return the manifest in user metadata; raises KeyError or ValueError if it is damaged."""
        manifest = cls(
            **common_fields(metadata),
            start=number(metadata, "start"),
            gaps=number(metadata, "gaps"),
            accepted_gap=number(metadata, "accepted-gap"),
            topic_id=metadata.get("topic-id"),
            sources=optional_int(metadata, "sources") or 0,
            sources_digest=metadata.get("sources-digest"),
            unverified=optional_int(metadata, "unverified") or 0,
        )
        if not 0 <= manifest.start <= manifest.end < LONG_LIMIT:
            raise ValueError(f"it covers offsets {manifest.start} to {manifest.end}")
        return manifest
