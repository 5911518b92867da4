"""The envelope of a Kafka record (rule N12)."""

import re
from typing import Any

from pinterest_platform.catalog import OFFSET_FIELD, PARTITION_FIELD, TIMESTAMP_FIELD
from pinterest_platform.landing.envelope import Encoder
from pinterest_platform.ports import Record


class PartitionEncoder(Encoder):
    """An encoder of the records of one partition as lines of JSON.

    Args:
        partition: the number in every line.
    """

    def __init__(self, partition: int) -> None:
        super().__init__(f'{{"{PARTITION_FIELD}":{partition},"{OFFSET_FIELD}":%d')
        self._partition = partition
        head = f'{{"{PARTITION_FIELD}":{partition},"{OFFSET_FIELD}":[0-9]+,"{TIMESTAMP_FIELD}":-?[0-9]+'
        self._envelope = re.compile(head.encode())

    def is_landed(self, line: bytes) -> bool:
        """Return whether a line already has the envelope of this partition."""
        return self._envelope.match(line) is not None

    def position_fields(self, record: Record) -> dict[str, Any]:
        """Return the envelope fields of a record's partition and offset."""
        return {PARTITION_FIELD: self._partition, OFFSET_FIELD: record.position}
