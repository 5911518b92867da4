"""The objects of a chain that a reader uses, for any mix of landed, merged and deleted objects (rule L23)."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pinterest_platform.catalog import MERGED_PREFIX, TOPICS_PREFIX
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.listing import ListedObject, MergedObject, MergedObjects, choose, list_merged
from pinterest_platform.ports import StoredObject
from pinterest_platform.testing import FakeObjectStore

CHAIN = PartitionChain("u.pin", 0)


@dataclass(frozen=True)
class Bucket:
    """A chain of one-record objects, the merged ranges in the order of their creation, and what was deleted of each.

    The objects of a range that is used are deleted from its beginning; `deleted` has their number by range.
    """

    length: int
    ranges: list[tuple[int, int]]
    deleted: list[int]

    def landed(self) -> list[ListedObject]:
        used, deleted = self.merged().used, set[int]()
        for merged_object, number in zip(used, [*self.deleted, *[0] * len(used)], strict=False):
            deleted |= set(range(merged_object.position, min(merged_object.next, merged_object.position + number)))
        folder = CHAIN.folder
        return [
            ListedObject(position, StoredObject(folder.key(position), 1, position, ""), TOPICS_PREFIX)
            for position in range(self.length)
            if position not in deleted
        ]

    def merged(self) -> MergedObjects:
        folder = CHAIN.under(MERGED_PREFIX)
        return choose(
            [
                MergedObject(
                    first, StoredObject(folder.merged_key(first, end, end - first + 1), 1, time, ""), "", 1, end + 1
                )
                for time, (first, end) in enumerate(self.ranges)
            ]
        )


@st.composite
def buckets(draw: st.DrawFn) -> Bucket:
    length = draw(st.integers(2, 12))
    # The newest object is never merged.
    pairs = st.tuples(st.integers(0, length - 2), st.integers(0, length - 2)).map(sorted).map(tuple)
    return Bucket(length, draw(st.lists(pairs, max_size=5)), draw(st.lists(st.integers(0, length), max_size=5)))


def positions_of(objects: list[ListedObject]) -> list[int]:
    """Return the positions that objects cover, in order."""
    return [
        position
        for listed_object in objects
        for position in range(
            listed_object.position,
            listed_object.next if isinstance(listed_object, MergedObject) else listed_object.position + 1,
        )
    ]


@given(buckets())
def test_each_position_is_read_once_however_objects_are_merged_and_deleted(bucket: Bucket) -> None:
    assert positions_of(bucket.merged().apply(bucket.landed())) == list(range(bucket.length))


@given(buckets(), st.integers(1, 12))
def test_a_reader_reads_what_is_after_its_position_or_the_merged_object_around_it(bucket: Bucket, first: int) -> None:
    first = min(first, bucket.length - 1)
    listed = [listed_object for listed_object in bucket.landed() if listed_object.position >= first]
    positions = positions_of(bucket.merged().apply(listed, first))
    assert positions == list(range(positions[0], bucket.length))
    begins_earlier = positions[0] < first
    assert positions[0] == first or begins_earlier
    if begins_earlier:
        assert first not in [listed_object.position for listed_object in listed], (
            "landed objects are read as long as they exist"
        )


@given(buckets(), st.integers(0, 12), st.integers(0, 12))
def test_a_section_between_two_objects_that_are_read_has_what_is_between_them(
    bucket: Bucket, one: int, other: int
) -> None:
    used = bucket.merged().apply(bucket.landed())
    first, last = sorted((one % len(used), other % len(used)))
    begin, end = used[first].position, used[last].position
    listed = [listed_object for listed_object in bucket.landed() if begin <= listed_object.position <= end]
    assert bucket.merged().apply(listed, begin, end) == used[first : last + 1]


@given(buckets())
def test_a_merged_object_that_is_used_remains_so_when_others_follow(bucket: Bucket) -> None:
    for number in range(len(bucket.ranges)):
        before = Bucket(bucket.length, bucket.ranges[:number], []).merged().used
        assert set(before) <= set(bucket.merged().used)


def test_merged_objects_are_listed_by_exact_names_alone() -> None:
    store = FakeObjectStore()
    for chain, step in ((PartitionChain("u.pin", 0, "id"), 1), (ShardChain("u", "shardId-000000000000"), 0)):
        folder = chain.under(MERGED_PREFIX)
        key = folder.merged_key(10, 19, 3)
        for name in (key, f"{key}.gz", key.replace("+000000003", "+3"), folder.key(30), f"{folder.prefix}x/{key}"):
            store.put(name, b"x")
        merged = list_merged(store, chain.folder)
        [merged_object] = merged.used
        assert (merged_object.key, merged_object.position, merged_object.next, merged_object.objects) == (
            key,
            10,
            19 + step,
            3,
        )
        assert merged.superfluous == ()
