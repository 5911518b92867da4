"""The Kafka wing of landing: topics and partitions."""

from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.kafka.ledger import LandedRange, PartitionLedger, audit, landed_ranges, reconcile
from pinterest_platform.landing.kafka.merge import merge_objects
from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kafka.pending import pending_after_landing, pending_segments, with_manifest
from pinterest_platform.landing.kafka.quarantine import count_quarantined, quarantine_orphans
from pinterest_platform.landing.kafka.results import LandedPartition, LandedTopic
from pinterest_platform.landing.kafka.size import landed_size
from pinterest_platform.landing.kafka.topic import land_topic

__all__ = [
    "AcceptedGap",
    "LandedPartition",
    "LandedRange",
    "LandedTopic",
    "PartitionEncoder",
    "PartitionLedger",
    "TopicOptions",
    "audit",
    "count_quarantined",
    "land_topic",
    "landed_ranges",
    "landed_size",
    "merge_objects",
    "pending_after_landing",
    "pending_segments",
    "quarantine_orphans",
    "reconcile",
    "with_manifest",
]
