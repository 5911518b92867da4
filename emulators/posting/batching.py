"""Lanes: posts of one key always take the same one, and a lane sends one batch after the other."""

from emulators.posting.source import Post


def lane_of(key: int, lanes: int, per_request: int) -> int:
    """The lane of a key. Neighbouring keys share one, so that posting in order fills whole batches."""
    return key // per_request % lanes


class Batcher:
    """Collects a lane's posts into batches in which no key stands twice.

    A key that comes again waits for the next batch: were both in one request, and only the first rejected,
    sending it again would let the second overtake it.

    Args:
        size: posts in a full batch.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._batch: dict[int, Post] = {}
        self._waiting: list[Post] = []

    def add(self, post: Post) -> list[list[Post]]:
        """Take a post; returns the batches that are now due, oldest first."""
        due: list[list[Post]] = []
        if post.key in self._batch:
            self._waiting.append(post)
        else:
            self._batch[post.key] = post
        while len(self._batch) >= self._size or len(self._waiting) >= self._size:
            due.append(self._take())
        return due

    def flush(self) -> list[list[Post]]:
        """Everything that is left, in batches, oldest first."""
        due: list[list[Post]] = []
        while self._batch:
            due.append(self._take())
        return due

    def _take(self) -> list[Post]:
        batch = list(self._batch.values())
        waiting, self._batch, self._waiting = self._waiting, {}, []
        for post in waiting:
            if post.key in self._batch or len(self._batch) == self._size:
                self._waiting.append(post)
            else:
                self._batch[post.key] = post
        return batch
