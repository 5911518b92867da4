"""The Kinesis wing of landing: streams and shards."""

from pinterest_platform.landing.kinesis.envelope import ShardEncoder
from pinterest_platform.landing.kinesis.lag import ShardLag, StreamLag, stream_lag
from pinterest_platform.landing.kinesis.ledger import ShardLedger, audit, reconcile
from pinterest_platform.landing.kinesis.merge import merge_objects
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_after_landing, pending_segments, with_manifest
from pinterest_platform.landing.kinesis.quarantine import quarantine_orphans
from pinterest_platform.landing.kinesis.results import LandedShard, LandedStream
from pinterest_platform.landing.kinesis.size import landed_size
from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.kinesis.watermarks import watermarks_key

__all__ = [
    "AcceptedLoss",
    "LandedShard",
    "LandedStream",
    "ResumeState",
    "ShardEncoder",
    "ShardLag",
    "ShardLedger",
    "StreamLag",
    "StreamOptions",
    "audit",
    "land_stream",
    "landed_size",
    "merge_objects",
    "pending_after_landing",
    "pending_segments",
    "quarantine_orphans",
    "reconcile",
    "stream_lag",
    "watermarks_key",
    "with_manifest",
]
