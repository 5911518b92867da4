"""The manifest of an object landed from Kafka."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.manifest import Manifest, common_fields, metadata_of, optional_int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionManifest(Manifest):
    """The manifest of an object landed or adopted from a partition.

    Attributes:
        start: the first offset that it covers; beyond the one in its key only in a chain's first object.
        gaps: offsets without a record, such as transaction markers.
        accepted_gap: lost offsets that were accepted; then the object has no record.
        app_id: the app id of its chain; None in objects that older versions landed.
        topic_id: the id of the topic; None in an adopted object, because a Connect sink does not record it.
        sources: in an adopted object, the number of the sink's objects that it holds.
        sources_digest: SHA-256 of their keys, sizes and ETags; None in objects that older versions adopted.
        unverified: in an adopted object, the number of records at offsets that nothing confirmed.
    """

    start: int
    gaps: int
    accepted_gap: int
    app_id: str | None = None
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

        There is one if the object was copied or renamed. Without an app id, only the position and epoch are compared.
        """
        folder, _, name = key.partition("/")[2].rpartition("/")
        app_id = folder.replace("/partition=", "/")
        if self.app_id is not None and self.app_id != app_id:
            return f"{key} was landed as an object of {self.app_id}, not of {app_id}"
        epoch = re.search(r"/epoch=([^/]+)/", key)
        if self.topic_id and epoch and self.topic_id != epoch[1]:
            return f"{key} was landed from topic id {self.topic_id}, not from the one in its key"
        position = int(name.rpartition("+")[2].partition(".")[0])
        if self.start != position and position != 0:
            return f"{key} claims to start at {self.start}"
        return None

    def require_name(self, key: str) -> None:
        """Raise PermanentFailure if the manifest contradicts the object's key."""
        if problem := self.name_problem(key):
            raise PermanentFailure(
                f"{problem}: it was copied or renamed.",
                "Move that object away, and restore the original if it is gone.",
            )

    def metadata(self) -> dict[str, str]:
        """Return the manifest as user metadata."""
        return Manifest.metadata(self) | metadata_of(
            {
                "start": self.start,
                "gaps": self.gaps,
                "accepted-gap": self.accepted_gap,
                "app-id": self.app_id,
                "topic-id": self.topic_id,
                "sources": self.sources or None,
                "sources-digest": self.sources_digest,
                "unverified": self.unverified or None,
            }
        )

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Return the manifest in user metadata; raises KeyError or ValueError if it is damaged."""
        return cls(
            **common_fields(metadata),
            start=int(metadata["start"]),
            gaps=int(metadata["gaps"]),
            accepted_gap=int(metadata["accepted-gap"]),
            app_id=metadata.get("app-id"),
            topic_id=metadata.get("topic-id"),
            sources=optional_int(metadata, "sources") or 0,
            sources_digest=metadata.get("sources-digest"),
            unverified=optional_int(metadata, "unverified") or 0,
        )
