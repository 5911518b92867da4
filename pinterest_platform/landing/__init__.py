"""Landing exactly once: topics become objects, and the objects are the position of record.

`land_topic` extends each partition's chain of objects, `inventory` and `batches` say what is new to a consumer,
`conservation` accounts for every offset, and `quarantined` reads back what was not accepted. `land_stream` and the
functions named after streams do the same for Kinesis, shard by shard; there, consumers keep the ordinals of objects as
their positions, and `stream_backlog` tells sensors what waits. Nothing here knows Dagster, boto3 or a Kafka client: it
is written against `ports.TopicLog`, `ports.ShardLog` and `ports.ObjectStore`.
"""

from pinterest_platform.landing.backlog import stream_backlog
from pinterest_platform.landing.inventory import batches, inventory, oldest_ms, positions_after
from pinterest_platform.landing.land import land_topic
from pinterest_platform.landing.land_stream import land_stream
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
from pinterest_platform.landing.quarantine import quarantine_orphans, quarantined
from pinterest_platform.landing.stream_inventory import stream_inventory
from pinterest_platform.landing.stream_ledger import stream_conservation
from pinterest_platform.landing.stream_model import (
    AcceptedLoss,
    LandedShard,
    LandedStream,
    QuarantinedShardRecord,
    Resume,
    ShardBacklog,
    ShardLedger,
    StreamBacklog,
    StreamOptions,
)
from pinterest_platform.landing.stream_quarantine import stream_quarantine_orphans, stream_quarantined

__all__ = [
    "AcceptedGap",
    "AcceptedLoss",
    "LandedPartition",
    "LandedShard",
    "LandedStream",
    "LandedTopic",
    "LandingOptions",
    "PartitionLedger",
    "Progress",
    "QuarantinedRecord",
    "QuarantinedShardRecord",
    "RawObject",
    "Resume",
    "ShardBacklog",
    "ShardLedger",
    "StreamBacklog",
    "StreamOptions",
    "batches",
    "conservation",
    "inventory",
    "land_stream",
    "land_topic",
    "oldest_ms",
    "positions_after",
    "quarantine_orphans",
    "quarantined",
    "stream_backlog",
    "stream_conservation",
    "stream_inventory",
    "stream_quarantine_orphans",
    "stream_quarantined",
]
