"""The contract of ObjectStore, on the fakes in memory and in a folder, and on S3."""

import threading
import uuid
from collections.abc import Callable

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import ObjectStore, StoredObject
from pinterest_platform.testing import FakeObjectStore, FolderObjectStore

WRITERS = 8
RACES = 12


@pytest.fixture(params=["fake", "folder", "s3"])
def connect(request: pytest.FixtureRequest) -> Callable[[], ObjectStore]:
    """A factory of clients of one bucket."""
    if request.param == "fake":
        fake = FakeObjectStore()
        return lambda: fake
    if request.param == "folder":
        folder = request.getfixturevalue("tmp_path")
        return lambda: FolderObjectStore(folder)
    from pinterest_platform.adapters.s3 import S3ObjectStore

    settings = request.getfixturevalue("tenant")
    return lambda: S3ObjectStore(settings, page_keys=4)


@pytest.fixture
def store(connect: Callable[[], ObjectStore]) -> ObjectStore:
    return connect()


def keys(store: ObjectStore, prefix: str, after: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix, after)]


def test_an_object_has_its_bytes_and_metadata(store):
    store.put("a/b", b"\x00\xffbytes", {"start": "1", "topic-id": "x_y-z"}, "application/x-ndjson")
    assert store.read("a/b") == b"\x00\xffbytes"
    assert dict(store.metadata("a/b") or {}) == {"start": "1", "topic-id": "x_y-z"}


def test_put_replaces_bytes_and_metadata(store):
    store.put("k", b"one", {"a": "1"})
    store.put("k", b"two")
    assert (store.read("k"), dict(store.metadata("k") or {})) == (b"two", {})


def test_an_empty_object_is_an_object(store):
    assert store.put_if_absent("empty", b"", {"end": "5"})
    assert (store.read("empty"), [entry.size for entry in store.list("empty")]) == (b"", [0])
    assert dict(store.metadata("empty") or {}) == {"end": "5"}


def test_an_absent_object_has_no_metadata_and_cannot_be_read(store):
    assert store.metadata("none") is None
    with pytest.raises(PermanentFailure, match="none"):
        store.read("none")


def test_put_if_absent_creates_once_and_keeps_the_first(store):
    assert store.put_if_absent("k", b"first", {"lander": "1"})
    assert not store.put_if_absent("k", b"second", {"lander": "2"})
    assert (store.read("k"), dict(store.metadata("k") or {})) == (b"first", {"lander": "1"})


def test_a_deleted_key_can_be_created_again(store):
    store.put_if_absent("k", b"first", {})
    store.delete(["k"])
    assert store.put_if_absent("k", b"second", {})


def test_list_is_in_key_order_under_the_prefix_and_after_the_key(store):
    for key in ("p/10/a", "p/2/a", "p/1/b", "p/1/a", "q/1"):
        store.put(key, b"x")
    assert keys(store, "p/") == ["p/1/a", "p/1/b", "p/10/a", "p/2/a"]
    assert keys(store, "p/1/", "p/1/a") == ["p/1/b"]
    assert keys(store, "p/", "p/10") == ["p/10/a", "p/2/a"]
    assert keys(store, "p/", "p/z") == [] and keys(store, "r/") == []


def test_list_returns_sizes_and_times(store):
    store.put("k", b"12345")
    (entry,) = store.list("k")
    assert entry == StoredObject("k", 5, entry.modified_ms, entry.etag) and entry.modified_ms > 1_600_000_000_000


def test_list_returns_an_etag_that_changes_with_the_content(store):
    for key, body in (("e/1", b"12345"), ("e/2", b"12345"), ("e/3", b"12354")):
        store.put(key, body)
    first, same, other = [entry.etag for entry in store.list("e/")]
    assert first and '"' not in first and first == same != other
    store.put("e/1", b"123456")
    assert next(iter(store.list("e/1"))).etag not in (first, other)


def test_keys_of_landing_are_valid(store):
    key = "topics/u.pin/epoch=_-aB/partition=10/u.pin+10+0000000000000000000.json"
    store.put(key, b"x")
    assert keys(store, "topics/u.pin/epoch=_-aB/") == [key] and store.read(key) == b"x"


def test_a_quarantine_key_of_a_stream_is_valid(store):
    numbers = (f"{number:0129d}" for number in (49_680_477, 49_680_478))
    key = f"quarantine/s/shard=0/streaming-u-user+shardId-000000000000+{'+'.join(numbers)}.json"
    assert store.put_if_absent(key, b"x", {"end": "1"}) and not store.put_if_absent(key, b"y", {})
    assert keys(store, "quarantine/s/shard=0/streaming") == [key] == keys(store, "", key[:-1])
    assert (store.read(key), dict(store.metadata(key) or {})) == (b"x", {"end": "1"})
    store.delete([key])
    assert keys(store, "") == [] and store.metadata(key) is None


def test_list_continues_after_a_page(store):
    for number in range(22):
        store.put(f"many/{number:05d}", b"")
    assert keys(store, "many/") == [f"many/{number:05d}" for number in range(22)]
    store.delete(f"many/{number:05d}" for number in range(22))
    assert keys(store, "many/") == []


def test_deleting_an_absent_object_is_no_error(store):
    store.put("there", b"x")
    store.delete(["there", "not-there"])
    store.delete([])
    assert keys(store, "") == []


def test_racing_writers_of_one_key_have_one_winner(connect):
    stores = [connect() for _ in range(WRITERS)]
    for race in range(RACES):
        key = f"race/{race}/{uuid.uuid4().hex}"
        barrier = threading.Barrier(WRITERS)
        won: list[int] = []

        def write(writer: int, key: str = key, barrier: threading.Barrier = barrier, won: list[int] = won) -> None:
            barrier.wait(30)
            if stores[writer].put_if_absent(key, b"%d" % writer * 2000, {"lander": str(writer)}):
                won.append(writer)

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert stores[0].read(key) == b"%d" % won[0] * 2000
        assert dict(stores[0].metadata(key) or {}) == {"lander": str(won[0])}


def test_a_missing_bucket_is_named_with_the_job_that_creates_it(tenant):
    from pinterest_platform.adapters.s3 import S3ObjectStore

    store = S3ObjectStore(tenant.model_copy(update={"bucket": "no-such-bucket-at-all"}))
    for call in (
        lambda: list(store.list("a")),
        lambda: store.metadata("a"),
        lambda: store.read("a"),
        lambda: store.put("a", b""),
        lambda: store.put_if_absent("a", b"", {}),
    ):
        with pytest.raises(PermanentFailure, match=r"no-such-bucket-at-all.*`provision`"):
            call()
