"""Copied objects and damaged metadata of a stream: they are named, and nothing is landed or cleaned by them."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.ledger import reconcile
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments, with_manifest
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.testing import FakeObjectStore, FakeShardLog

STREAM = "streaming-u-pin"
OTHER = "streaming-u-geo"
SMALL = StreamOptions(object_bytes=600)


@pytest.fixture
def log() -> FakeShardLog:
    fake = FakeShardLog()
    for stream in (STREAM, OTHER):
        fake.create(stream, 2)
        for shard in (0, 1):
            fake.put(stream, shard, *[b'{"a":%d}' % number for number in range(6)])
    return fake


@pytest.fixture
def store(log) -> FakeObjectStore:
    fake = FakeObjectStore()
    for stream in (STREAM, OTHER):
        land_stream(log, fake, stream, SMALL)
    for shard in (0, 1):
        log.put(STREAM, shard, b'{"b":1}')
    return fake


def keys(store: FakeObjectStore, shard: int = 0, stream: str = STREAM) -> list[str]:
    return [stored.key for stored in store.list(f"streams/{stream}/shard=shardId-{shard:012d}/")]


def copy(store: FakeObjectStore, source: str, target: str) -> str:
    store.put(target, store.objects[source].body, store.objects[source].metadata)
    return target


def require_refused(log: FakeShardLog, store: FakeObjectStore, key: str, shard: int = 0) -> None:
    """Check that landing, cleaning and ledger name the object, and that the other shard is landed."""
    before = keys(store, shard)
    with pytest.raises(PermanentFailure) as raised:
        land_stream(log, store, STREAM, StreamOptions(new_epoch="land"))
    assert key in raised.value.what and "recreated" not in raised.value.what
    assert keys(store, shard) == before and not list(store.list(f"streams/{STREAM}/epoch="))
    with pytest.raises(PermanentFailure) as raised:
        pending_segments(store, STREAM, {})
    assert key in raised.value.what
    ledgers = reconcile(log, store, STREAM)
    assert any(key in problem for problem in ledgers[shard].problems)
    assert ledgers[1 - shard].is_complete and ledgers[1 - shard].records == 7


@pytest.mark.parametrize("name", ["end", "start", "ordinal", "topic-id", "app-id", "ended", "latest-ms", "checksum"])
@pytest.mark.parametrize("text", ["x", "", "-1", "1", "9" * 25])
def test_changed_metadata_of_the_newest_object_is_named_and_not_continued(log, store, name, text):
    key = keys(store)[-1]
    store.objects[key].metadata[name] = text
    require_refused(log, store, key)


def test_a_larger_end_of_the_newest_object_is_named_and_not_continued(log, store):
    key = keys(store)[-1]
    store.objects[key].metadata["end"] = str(log.shard(STREAM, 0).records[-1].position)
    require_refused(log, store, key)


def test_children_of_a_shard_with_damaged_metadata_wait(log, store):
    child, _ = log.split(STREAM, 0)
    log.put(STREAM, child, b"{}")
    key = keys(store)[-1]
    store.objects[key].metadata["end"] = "x"
    require_refused(log, store, key)
    assert not keys(store, child)


@pytest.mark.parametrize(("stream", "shard"), [(STREAM, 0), (OTHER, 1)])
def test_the_newest_object_replaced_by_one_of_another_chain_is_named_and_not_continued(log, store, stream, shard):
    require_refused(log, store, copy(store, keys(store, shard, stream)[-1], keys(store, 1)[-1]), shard=1)


def test_an_object_replaced_by_one_of_another_shard_is_not_cleaned(log, store):
    first = pending_segments(store, STREAM, {})[0]
    copy(store, keys(store, 1)[0], first.key)
    with pytest.raises(PermanentFailure, match=r"was landed as an object of .*000001, not of .*000000"):
        with_manifest(store, first)
    assert any("was landed as an object of" in problem for problem in reconcile(log, store, STREAM)[0].problems)


def test_a_copy_at_the_end_of_a_chain_is_named_and_not_continued(log, store):
    newest = keys(store)[-1]
    end = int(store.objects[newest].metadata["end"])
    key = copy(store, newest, f"{newest.rpartition('+')[0]}+{end:0129d}.json")
    require_refused(log, store, key)


@pytest.mark.parametrize("epoch", ["other", "current"])
def test_a_copy_into_the_folder_of_an_epoch_is_named_and_never_cleaned(log, store, epoch):
    folder = log.epoch(STREAM) if epoch == "current" else epoch
    key = copy(store, keys(store)[0], keys(store)[0].replace("shard=", f"epoch={folder}/shard="))
    land_stream(log, store, STREAM)
    with pytest.raises(PermanentFailure, match="was landed as an object of") as raised:
        pending_segments(store, STREAM, {})
    assert key in raised.value.what
    assert key in reconcile(log, store, STREAM)[-1].problems[0]


def test_a_copy_into_the_folder_of_a_shard_that_the_stream_does_not_have_is_named_and_never_cleaned(log, store):
    key = copy(store, keys(store)[0], keys(store)[0].replace("shardId-000000000000", "shardId-000000000007"))
    for act in (lambda: land_stream(log, store, STREAM), lambda: pending_segments(store, STREAM, {})):
        with pytest.raises(PermanentFailure, match="was landed as an object of") as raised:
            act()
        assert key in raised.value.what
    assert key in reconcile(log, store, STREAM)[-1].problems[0]


@pytest.mark.parametrize(
    "foreign",
    [
        f"streams/{STREAM}/readme.txt",
        f"streams/{STREAM}/year=2026/x.json",
        f"streams/{STREAM}/epoch=a/epoch=b/x.json",
        f"streams/{STREAM}/shard=shardId-000000000001/{STREAM}+shardId-000000000000+{1:0129d}.json",
        f"streams/{STREAM}/shard=shardId-000000000000/{STREAM}+shardId-000000000000+{1:0129d}.json.bak",
        f"streams/{STREAM}/shard=shardId-000000000000/{STREAM}+shardId-000000000000+7.json",
    ],
)
def test_an_object_with_a_foreign_name_is_named_and_never_cleaned(log, store, foreign):
    store.put(foreign, b'{"a":1}\n')
    land_stream(log, store, STREAM)
    assert not [segment for segment in pending_segments(store, STREAM, {}) if segment.key == foreign]
    problems = [problem for ledger in reconcile(log, store, STREAM) for problem in ledger.problems]
    assert len(problems) == 1 and problems[0].startswith(f"{foreign} is not landed: ")


def test_a_stream_with_foreign_objects_alone_is_named_and_a_folder_of_a_console_is_no_problem(log):
    store = FakeObjectStore()
    store.put(f"streams/{STREAM}/x=1/y.json", b"{}")
    assert "x=1/y.json is not landed" in reconcile(log, store, STREAM)[0].problems[0]
    store = FakeObjectStore()
    land_stream(log, store, STREAM)
    for folder in (f"streams/{STREAM}/", f"streams/{STREAM}/empty/", f"streams/{STREAM}/shard=shardId-000000000000/"):
        store.put(folder, b"")
    assert all(ledger.is_complete for ledger in reconcile(log, store, STREAM))
