"""Workers keep the order of each key, and no batch holds a key twice."""

from hypothesis import given
from hypothesis import strategies as st

from emulators.posting.batching import Batcher, worker_of
from emulators.posting.source import Post


@given(st.lists(st.integers(0, 12), max_size=200), st.integers(1, 9))
def test_batches_hold_every_post_once_in_key_order(keys: list[int], size: int) -> None:
    batcher = Batcher(size)
    posts = [Post(key, {"pin": str(at).encode()}) for at, key in enumerate(keys)]
    batches = [batch for post in posts for batch in batcher.add(post)] + batcher.flush()
    sent = [post for batch in batches for post in batch]
    assert sorted(sent, key=str) == sorted(posts, key=str)
    for key in set(keys):
        assert [post for post in sent if post.key == key] == [post for post in posts if post.key == key]
    for batch in batches:
        assert len({post.key for post in batch}) == len(batch) <= size


@given(st.integers(1, 20))
def test_the_waiting_posts_are_bounded_however_often_a_key_comes(size: int) -> None:
    batcher = Batcher(size)
    waiting = 0
    for at in range(500):
        waiting += 1 - sum(map(len, batcher.add(Post(7, {"pin": str(at).encode()}))))
        assert waiting <= 2 * size


@given(st.integers(1, 40), st.integers(1, 50))
def test_neighbouring_keys_share_a_worker_and_all_workers_are_used(workers: int, per_request: int) -> None:
    assigned = [worker_of(key, workers, per_request) for key in range(workers * per_request)]
    assert assigned == sorted(assigned)
    assert set(assigned) == set(range(workers))
    assert worker_of(-5, workers, per_request) in range(workers)
