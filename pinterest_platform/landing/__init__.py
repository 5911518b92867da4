"""Landing exactly once: topics become objects, and the objects are the position of record.

`land_topic` extends each partition's chain of objects, `inventory` and `batches` say what is new to a consumer,
`conservation` accounts for every offset, and `quarantined` reads back what was not accepted. Nothing here knows
Dagster, boto3 or a Kafka client: it is written against `ports.TopicLog` and `ports.ObjectStore`.
"""

from pinterest_platform.landing.inventory import batches, inventory, positions_after
from pinterest_platform.landing.land import land_topic
from pinterest_platform.landing.ledger import conservation
from pinterest_platform.landing.model import (
    AcceptedGap,
    LandedPartition,
    LandedTopic,
    LandingOptions,
    PartitionLedger,
    Progress,
    QuarantinedRecord,
    RawObject,
)
from pinterest_platform.landing.quarantine import quarantined

__all__ = [
    "AcceptedGap",
    "LandedPartition",
    "LandedTopic",
    "LandingOptions",
    "PartitionLedger",
    "Progress",
    "QuarantinedRecord",
    "RawObject",
    "batches",
    "conservation",
    "inventory",
    "land_topic",
    "positions_after",
    "quarantined",
]
