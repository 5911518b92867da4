"""Merging of the small objects of a topic."""

from collections.abc import Iterator

from pinterest_platform.landing.kafka.chain import list_chains
from pinterest_platform.landing.kafka.examiner import PartitionExaminer
from pinterest_platform.landing.merge import MergeResult, merge_chain
from pinterest_platform.landing.merge_plan import MergeOptions
from pinterest_platform.ports import ObjectStore


def merge_objects(store: ObjectStore, topic: str, options: MergeOptions) -> Iterator[MergeResult]:
    """Merge the small objects of each partition and epoch of a topic; raises as `merge_chain` does."""
    for chain in list_chains(store, topic):
        yield merge_chain(PartitionExaminer(store, chain, schedule=None), options)
