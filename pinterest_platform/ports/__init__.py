"""Ports: the outside systems as protocols and small frozen values.

All code below the resources depends on these only. Fakes and real adapters pass the same contract tests.
"""

from pinterest_platform.ports.alerts import Alert, Cause, Notifier
from pinterest_platform.ports.engine import Json, SparkEngine
from pinterest_platform.ports.lake import Lake, MaintenanceResult, RowVersion, TableFacts
from pinterest_platform.ports.objects import ObjectStore, StoredObject
from pinterest_platform.ports.progress import Progress, silent
from pinterest_platform.ports.provisioner import Provisioner
from pinterest_platform.ports.records import Record
from pinterest_platform.ports.shards import ShardBatch, ShardLog, ShardState, StreamState
from pinterest_platform.ports.topics import PartitionBounds, TopicLog, TopicState, TopicTimes, UncommittedRange

__all__ = [
    "Alert",
    "Cause",
    "Json",
    "Lake",
    "MaintenanceResult",
    "Notifier",
    "ObjectStore",
    "PartitionBounds",
    "Progress",
    "Provisioner",
    "Record",
    "RowVersion",
    "ShardBatch",
    "ShardLog",
    "ShardState",
    "SparkEngine",
    "StoredObject",
    "StreamState",
    "TableFacts",
    "TopicLog",
    "TopicState",
    "TopicTimes",
    "UncommittedRange",
    "silent",
]
