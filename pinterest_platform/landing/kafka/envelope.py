"""The envelope of a Kafka record (rule N12)."""

from typing import Any

from pinterest_platform.catalog import OFFSET_FIELD, PARTITION_FIELD
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

    def position_fields(self, record: Record) -> dict[str, Any]:
        """Return the envelope fields of a record's partition and offset."""
        return {PARTITION_FIELD: self._partition, OFFSET_FIELD: record.position}
