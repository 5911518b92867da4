"""The manifest of an object landed from Kinesis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pinterest_platform.landing.manifest import Manifest, common_fields, metadata_of, optional_int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardManifest(Manifest):
    """The manifest of an object of a shard, which covers what is above its predecessor's `end`, up to its own.

    Attributes:
        first: the sequence number of its first record; without records it is `end`. Its key is `start`.
        ordinal: its place in the chain, from 0.
        epoch: the epoch of the stream. Its key is `topic-id`.
        loss_accepted: whether records before it can be lost, as accepted by the user. Its key is `accepted-gap`.
        ended: whether it is the last object of a closed shard.
    """

    first: int
    ordinal: int
    epoch: str
    loss_accepted: bool = False
    ended: bool = False

    def metadata(self) -> dict[str, str]:
        """Return the manifest as user metadata; sequence numbers are not counted, so `gaps` is 0."""
        return Manifest.metadata(self) | metadata_of(
            {
                "start": self.first,
                "gaps": 0,
                "accepted-gap": int(self.loss_accepted),
                "topic-id": self.epoch,
                "ordinal": self.ordinal,
                "ended": int(self.ended) or None,
            }
        )

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Return the manifest in user metadata; raises KeyError or ValueError if it is damaged."""
        return cls(
            **common_fields(metadata),
            first=int(metadata["start"]),
            ordinal=int(metadata["ordinal"]),
            epoch=metadata["topic-id"],
            loss_accepted=int(metadata["accepted-gap"]) > 0,
            ended=bool(optional_int(metadata, "ended")),
        )
