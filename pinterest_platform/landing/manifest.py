"""The manifest of a landed object, its user metadata (rule N11): the part that both routes share."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.ports import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The part of a manifest that both routes share; each wing adds fields of its own.

    Attributes:
        end: the last position that the object covers.
        records: number of its records.
        quarantined: number of records rejected in its range.
        digest: SHA-256 of its bytes.
        writer_id: the landing call that wrote it; its key in the metadata is `lander`.
        earliest_ms: the earliest append time of its records, None without records.
        latest_ms: the latest append time up to `end`.
        implausible_times: number of records with an implausible time (rule L19); absent from the metadata if 0.
    """

    end: int
    records: int
    quarantined: int
    digest: str
    writer_id: str
    earliest_ms: int | None = None
    latest_ms: int | None = None
    implausible_times: int = 0

    def metadata(self) -> dict[str, str]:
        """Return the manifest as user metadata."""
        return metadata_of(
            {
                "end": self.end,
                "records": self.records,
                "quarantined": self.quarantined,
                "digest": self.digest,
                "lander": self.writer_id,
                "earliest-ms": self.earliest_ms,
                "latest-ms": self.latest_ms,
                "implausible-times": self.implausible_times or None,
            }
        )

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Return the manifest in user metadata; raises KeyError or ValueError if it is damaged."""
        return cls(**common_fields(metadata))

    @classmethod
    def parse(cls, key: str, metadata: Mapping[str, str]) -> Self | None:
        """Return the manifest in the metadata of an object, or None if the platform did not write the object.

        Raises:
            PermanentFailure: the platform wrote it, and its metadata is damaged.
        """
        if "lander" not in metadata or "digest" not in metadata:
            return None
        try:
            return cls.from_metadata(metadata)
        except (KeyError, ValueError) as error:
            raise PermanentFailure(
                f"The metadata of {key} is damaged: {error!r}.",
                "Restore the object as it was written; the conservation ledger names all other problems.",
            ) from None

    @classmethod
    def read(cls, store: ObjectStore, key: str) -> Self | None:
        """Return the manifest of a listed object, or None if the platform did not write the object.

        Raises:
            PermanentFailure: its metadata is damaged.
            TransientFailure: the object no longer exists.
        """
        metadata = store.metadata(key)
        if metadata is None:
            raise TransientFailure(f"{key} disappeared after it was listed.", "Run it again.")
        return cls.parse(key, metadata)

    @classmethod
    def require(cls, store: ObjectStore, key: str) -> Self:
        """Return the manifest of an object that the platform must have written; raises as `read`, or if it did not."""
        manifest = cls.read(store, key)
        if manifest is None:
            raise lost_metadata(key)
        return manifest


def lost_metadata(key: str) -> PermanentFailure:
    """Return the failure of an object that has lost its manifest."""
    return PermanentFailure(
        f"{key} lacks the metadata with which it was landed.",
        "Restore the object with its metadata, or move it away if something else wrote it.",
    )


def metadata_of(fields: Mapping[str, object]) -> dict[str, str]:
    """Return the fields that are not None as user metadata."""
    return {name: str(value) for name, value in fields.items() if value is not None}


def common_fields(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of `Manifest` in user metadata."""
    return {
        "end": int(metadata["end"]),
        "records": int(metadata["records"]),
        "quarantined": int(metadata["quarantined"]),
        "digest": metadata["digest"],
        "writer_id": metadata["lander"],
        "earliest_ms": optional_int(metadata, "earliest-ms"),
        "latest_ms": optional_int(metadata, "latest-ms"),
        "implausible_times": optional_int(metadata, "implausible-times") or 0,
    }


def draft_fields(draft: SegmentDraft, writer_id: str) -> dict[str, Any]:
    """Return the fields of `Manifest` for an object that is to be written."""
    return {
        "end": draft.end,
        "records": draft.records,
        "quarantined": draft.quarantined,
        "digest": hashlib.sha256(draft.body).hexdigest(),
        "writer_id": writer_id,
        "earliest_ms": draft.earliest_ms,
        "latest_ms": draft.latest_ms,
        "implausible_times": draft.implausible_times,
    }


def optional_int(metadata: Mapping[str, str], name: str) -> int | None:
    """Return a number in user metadata, or None if it has no such key."""
    return int(metadata[name]) if name in metadata else None
