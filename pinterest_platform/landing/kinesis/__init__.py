"""The Kinesis wing of landing: streams and shards."""

from pinterest_platform.landing.kinesis.lag import ShardLag, StreamLag, stream_lag
from pinterest_platform.landing.kinesis.ledger import ShardLedger, reconcile
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.quarantine import (
    QuarantinedShardRecord,
    quarantine_orphans,
    quarantined_records,
)
from pinterest_platform.landing.kinesis.results import LandedShard, LandedStream
from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.kinesis.stream import land_stream

__all__ = [
    "AcceptedLoss",
    "LandedShard",
    "LandedStream",
    "QuarantinedShardRecord",
    "ResumeState",
    "ShardLag",
    "ShardLedger",
    "StreamLag",
    "StreamOptions",
    "land_stream",
    "pending_segments",
    "quarantine_orphans",
    "quarantined_records",
    "reconcile",
    "stream_lag",
]
