"""The manifest of a merged object, from those of its parts: the fields that both routes share."""

import hashlib
from collections.abc import Sequence
from typing import Any

from pinterest_platform.landing.kinds import united_text
from pinterest_platform.landing.manifest import Manifest


def merged_fields(parts: Sequence[Manifest], body: bytes, writer_id: str) -> dict[str, Any]:
    """Return the fields of `Manifest` of the object into which consecutive objects without quarantine are merged."""
    earliest = [part.earliest_ms for part in parts if part.earliest_ms is not None]
    latest = [part.latest_ms for part in parts if part.latest_ms is not None]
    return {
        "end": parts[-1].end,
        "records": sum(part.records for part in parts),
        "quarantined": 0,
        "digest": hashlib.sha256(body).hexdigest(),
        "writer_id": writer_id,
        "earliest_ms": min(earliest, default=None),
        "latest_ms": max(latest, default=None),
        "size": len(body),
        "app_id": parts[-1].app_id,
        "implausible_times": sum(part.implausible_times for part in parts),
        "kinds": united_text([part.kinds for part in parts if part.records]),
        "objects": sum(part.objects for part in parts),
    }
