"""The Kafka wing of landing: topics and partitions."""

from pinterest_platform.landing.kafka.ledger import PartitionLedger, reconcile
from pinterest_platform.landing.kafka.options import AcceptedGap, LandingOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.landing.kafka.quarantine import QuarantinedRecord, quarantine_orphans, quarantined_records
from pinterest_platform.landing.kafka.results import LandedPartition, LandedTopic
from pinterest_platform.landing.kafka.topic import land_topic

__all__ = [
    "AcceptedGap",
    "LandedPartition",
    "LandedTopic",
    "LandingOptions",
    "PartitionLedger",
    "QuarantinedRecord",
    "land_topic",
    "pending_segments",
    "quarantine_orphans",
    "quarantined_records",
    "reconcile",
]
