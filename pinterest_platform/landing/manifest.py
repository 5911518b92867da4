"""The manifest of a landed object, its user metadata (rule N11): the part that both routes share."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pinterest_platform.catalog import SEQUENCE_DIGITS
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.chain import merged_name
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore

CHECKSUM = "checksum"
"""Key of the checksum: SHA-256 of the other fields, a colon, and the names of these fields."""

LONG_LIMIT = 2**63
"""All numbers but sequence numbers are below it."""
SEQUENCE_LIMIT: int = 10**SEQUENCE_DIGITS
"""All sequence numbers are below it."""
_MARKS = {"lander", "digest", "records"}
"""Keys of which the platform's objects have one even if others were removed."""


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
        size: number of its bytes; its key in the metadata is `bytes`. None in an object of an older version.
        quarantine_size: number of bytes of its quarantined records, None without them or in an object of an older
            version.
        quarantine_digest: SHA-256 of the bytes of its quarantined records, None as above.
        app_id: the app id of its chain; None in objects that older versions landed.
        implausible_times: number of records with an implausible time (rule L19); absent from the metadata if 0.
        kinds: the kinds of the values of its records (rule L22), None if they are unknown.
        objects: number of landed objects that it holds; its key in the metadata is `merged`, absent if 1.
        is_changed: whether the metadata that it was read from was changed after it was written.
    """

    end: int
    records: int
    quarantined: int
    digest: str
    writer_id: str
    earliest_ms: int | None = None
    latest_ms: int | None = None
    size: int | None = None
    quarantine_size: int | None = None
    quarantine_digest: str | None = None
    app_id: str | None = None
    implausible_times: int = 0
    kinds: str | None = None
    objects: int = 1
    is_changed: bool = field(default=False, compare=False)

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
                "bytes": self.size,
                "quarantine-bytes": self.quarantine_size,
                "quarantine-digest": self.quarantine_digest,
                "app-id": self.app_id,
                "implausible-times": self.implausible_times or None,
                "kinds": self.kinds,
                "merged": self.objects if self.objects > 1 else None,
            }
        )

    def sealed_metadata(self) -> dict[str, str]:
        """Return the manifest as user metadata with a checksum of itself, as it is written."""
        metadata = self.metadata()
        return {**metadata, CHECKSUM: _checksum(metadata, sorted(metadata))}

    def is_unchanged(self, metadata: Mapping[str, str]) -> bool:
        """Return whether the metadata that this manifest was read from is as it was written, by any version.

        Keys that other programs added are ignored. Objects of an older version have neither checksum nor size.
        """
        if CHECKSUM not in metadata:
            return self.size is None
        names = metadata[CHECKSUM].partition(":")[2].split(",")
        is_covered = self.metadata().keys() & metadata.keys() <= set(names)
        return is_covered and metadata[CHECKSUM] == _checksum(metadata, names)

    def require_unchanged(self, key: str) -> None:
        """Raise PermanentFailure if the metadata that the manifest was read from was changed after it was written."""
        if self.is_changed:
            raise PermanentFailure(
                f"The metadata of {key} was changed after it was landed.",
                "Nothing is landed or cleaned after it, because its end is unknown. Restore the object as written, "
                "such as from its earlier version in the bucket; materialize ledger/conservation to name all others.",
            )

    def name_problem(self, key: str) -> str | None:
        """Return the contradiction between the manifest and the object's key, None if there is none.

        There is one if the object was copied or renamed.
        """
        folder = key.partition("/")[2].rpartition("/")[0]
        app_id = re.sub("/(?:partition|shard)=", "/", folder)
        if self.app_id is not None and self.app_id != app_id:
            return f"{key} was landed as an object of {self.app_id}, not of {app_id}"
        name = merged_name(key)
        if (name.end, name.objects) != (self.end, self.objects) if name else self.objects > 1:
            return f"{key} ends at {self.end} and holds {counted(self.objects, 'object')}, in contradiction to its name"
        return None

    def require_name(self, key: str) -> None:
        """Raise PermanentFailure if the manifest contradicts the object's key."""
        if problem := self.name_problem(key):
            raise PermanentFailure(
                f"{problem}: it was copied or renamed.",
                "Move that object away, and restore the original if it is gone.",
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
        if not _MARKS & metadata.keys():
            return None
        try:
            manifest = cls.from_metadata(metadata)
            return manifest if manifest.is_unchanged(metadata) else replace(manifest, is_changed=True, kinds=None)
        except (KeyError, ValueError) as error:
            cause = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            raise PermanentFailure(
                f"The metadata of {key} is damaged: {cause}.",
                "Restore the object as written; materialize ledger/conservation or run audit to name all others.",
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
            raise TransientFailure(f"{key} disappeared after it was listed.", "Retry.")
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
        "end": number(metadata, "end", SEQUENCE_LIMIT),
        "records": number(metadata, "records"),
        "quarantined": number(metadata, "quarantined"),
        "digest": metadata["digest"],
        "writer_id": metadata["lander"],
        "earliest_ms": optional_int(metadata, "earliest-ms"),
        "latest_ms": optional_int(metadata, "latest-ms"),
        "size": optional_int(metadata, "bytes"),
        "quarantine_size": optional_int(metadata, "quarantine-bytes"),
        "quarantine_digest": metadata.get("quarantine-digest"),
        "app_id": metadata.get("app-id"),
        "implausible_times": optional_int(metadata, "implausible-times") or 0,
        "kinds": metadata.get("kinds"),
        "objects": optional_int(metadata, "merged") or 1,
    }


def draft_fields(draft: SegmentDraft, writer_id: str) -> dict[str, Any]:
    """Return the fields of `Manifest` for an object that is to be written."""
    quarantine = draft.quarantine if draft.quarantined else None
    return {
        "end": draft.end,
        "records": draft.records,
        "quarantined": draft.quarantined,
        "digest": hashlib.sha256(draft.body).hexdigest(),
        "writer_id": writer_id,
        "earliest_ms": draft.earliest_ms,
        "latest_ms": draft.latest_ms,
        "size": len(draft.body),
        "quarantine_size": None if quarantine is None else len(quarantine),
        "quarantine_digest": None if quarantine is None else hashlib.sha256(quarantine).hexdigest(),
        "implausible_times": draft.implausible_times,
        "kinds": draft.kinds,
    }


def optional_int(metadata: Mapping[str, str], name: str) -> int | None:
    """Return a number in user metadata, or None if it has no such key."""
    return number(metadata, name) if name in metadata else None


def number(metadata: Mapping[str, str], name: str, limit: int = LONG_LIMIT) -> int:
    """Return a number in user metadata; raises KeyError without it, ValueError if it is not one below `limit`."""
    text = metadata[name]
    if not re.fullmatch(r"-?[0-9]{1,200}", text) or abs(int(text)) >= limit:
        raise ValueError(f"{name} is {text!r}")
    return int(text)


def _checksum(metadata: Mapping[str, str], names: Sequence[str]) -> str:
    lines = "\n".join(f"{name}={metadata.get(name)}" for name in names)
    return f"{hashlib.sha256(lines.encode()).hexdigest()}:{','.join(names)}"
