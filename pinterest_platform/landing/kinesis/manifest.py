"""The manifest of an object landed from Kinesis."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pinterest_platform.landing.chain import position_in
from pinterest_platform.landing.manifest import (
    SEQUENCE_LIMIT,
    Manifest,
    common_fields,
    metadata_of,
    number,
    optional_int,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardManifest(Manifest):
    """The manifest of an object of a shard, which covers what is above its predecessor's `end`, up to its own.

    Attributes:
        first: the sequence number of its first record; without records it is `end`. Its key is `start`.
        ordinal: its place in the chain, from 0; of a merged object, the place of the last object that it holds.
        epoch: the epoch of the stream. Its key is `topic-id`.
        loss_accepted: whether records before it can be lost, as accepted by the user. Its key is `accepted-gap`.
        ended: whether it is the last object of a closed shard.
    """

    first: int
    ordinal: int
    epoch: str
    loss_accepted: bool = False
    ended: bool = False

    def name_problem(self, key: str) -> str | None:
        """Return the contradiction between the manifest and the object's key, None if there is none.

        Without an app id, only the position and epoch are compared.
        """
        if problem := Manifest.name_problem(self, key):
            return problem
        epoch = re.search(r"/epoch=([^/]+)/", key)
        if epoch and self.epoch != epoch[1]:
            return f"{key} was landed from epoch {self.epoch}, not from the one in its key"
        if self.first <= position_in(key):
            return f"{key} claims to begin with {self.first}"
        return None

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
        manifest = cls(
            **common_fields(metadata),
            first=number(metadata, "start", SEQUENCE_LIMIT),
            ordinal=number(metadata, "ordinal"),
            epoch=metadata["topic-id"],
            loss_accepted=number(metadata, "accepted-gap") > 0,
            ended=bool(optional_int(metadata, "ended")),
        )
        if manifest.first > manifest.end or manifest.ordinal < 0:
            raise ValueError(f"object {manifest.ordinal} covers {manifest.first} to {manifest.end}")
        return manifest
