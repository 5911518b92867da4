"""Merging of the small objects of a stream."""

from collections.abc import Iterator

from pinterest_platform.landing.kinesis.chain import list_chains
from pinterest_platform.landing.kinesis.examiner import ShardExaminer
from pinterest_platform.landing.merge import MergeResult, merge_chain
from pinterest_platform.landing.merge_plan import MergeOptions
from pinterest_platform.ports import ObjectStore


def merge_objects(store: ObjectStore, stream: str, options: MergeOptions) -> Iterator[MergeResult]:
    """Merge the small objects of each shard and epoch of a stream; raises as `merge_chain` does."""
    for chain in list_chains(store, stream):
        yield merge_chain(ShardExaminer(store, chain), options)
