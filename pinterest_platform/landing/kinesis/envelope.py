"""The envelope of a Kinesis record (rules N12, K2, K11)."""

from typing import Any

from pinterest_platform.catalog import SEQUENCE_DIGITS, SEQUENCE_FIELD, SHARD_FIELD
from pinterest_platform.landing.envelope import Encoder
from pinterest_platform.ports import Record

_AGGREGATED = b"\xf3\x89\x9a\xc2"
"""The first bytes of a record into which the Kinesis Producer Library aggregated several, in its own format."""


class ShardEncoder(Encoder):
    """An encoder of the records of one shard as lines of JSON.

    Args:
        shard: the id in every line.
    """

    def __init__(self, shard: str) -> None:
        super().__init__(f'{{"{SHARD_FIELD}":"{shard}","{SEQUENCE_FIELD}":"%0{SEQUENCE_DIGITS}d"')
        self._shard = shard

    def line(self, record: Record, ordered_ms: int | None = None) -> bytes | str:
        """Return the line of a record, with its LF; for a rejected record, return the reason as text."""
        if record.value is not None and record.value.startswith(_AGGREGATED):
            return "KPL aggregated record: switch aggregation off in its producer"
        return super().line(record, ordered_ms)

    def position_fields(self, record: Record) -> dict[str, Any]:
        """Return the envelope fields of a record's shard and sequence number."""
        return {SHARD_FIELD: self._shard, SEQUENCE_FIELD: f"{record.position:0{SEQUENCE_DIGITS}d}"}
