"""Batches of posts: all posts of one key go to one worker, which sends one batch after the other."""

from emulators.posting.source import Post


def worker_of(key: int, workers: int, per_request: int) -> int:
    """Return the worker of a key. Neighbouring keys share one, so that posting in order fills whole batches."""
    return key // per_request % workers


class Batcher:
    """A collector of a worker's posts into batches that hold each key at most once.

    A key that comes again waits for the next batch. If both posts were in one request and only the first was
    rejected, its retry would come after the second.

    Args:
        size: posts in a full batch.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._batch: dict[int, Post] = {}
        self._waiting: list[Post] = []

    def add(self, post: Post) -> list[list[Post]]:
        """Add a post; return the batches that are now due, oldest first."""
        due: list[list[Post]] = []
        if post.key in self._batch:
            self._waiting.append(post)
        else:
            self._batch[post.key] = post
        while len(self._batch) >= self._size or len(self._waiting) >= self._size:
            due.append(self._next_batch())
        return due

    def flush(self) -> list[list[Post]]:
        """Return all remaining posts in batches, oldest first."""
        due: list[list[Post]] = []
        while self._batch:
            due.append(self._next_batch())
        return due

    def _next_batch(self) -> list[Post]:
        batch = list(self._batch.values())
        waiting = self._waiting
        self._batch = {}
        self._waiting = []
        for post in waiting:
            if post.key in self._batch or len(self._batch) == self._size:
                self._waiting.append(post)
            else:
                self._batch[post.key] = post
        return batch
