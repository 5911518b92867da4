"""Progress lines that are written together."""

import threading
from collections.abc import Callable

from pinterest_platform.pipelines.progress import BufferedProgress

NEVER = 3600.0


def buffered(seconds: float = NEVER) -> tuple[BufferedProgress, list[str]]:
    texts: list[str] = []
    return BufferedProgress(texts.append, seconds), texts


def test_lines_are_written_together_and_in_order() -> None:
    progress, texts = buffered()
    for line in ("a", "b", "c"):
        progress(line)
    assert texts == []
    progress.flush()
    progress.flush()
    assert texts == ["a\nb\nc"]


def test_a_line_that_is_written_immediately_follows_the_collected_ones() -> None:
    progress, texts = buffered()
    progress("before")
    progress.write("now")
    progress("after")
    progress.flush()
    assert texts == ["before\nnow", "after"]


def test_a_single_line_is_written_after_the_longest_time() -> None:
    arrived = threading.Event()
    texts: list[str] = []

    def write(text: str) -> None:
        texts.append(text)
        arrived.set()

    BufferedProgress(write, 0.01)("alone")
    assert arrived.wait(30)
    assert texts == ["alone"]


def test_no_line_of_many_threads_is_lost_or_duplicated() -> None:
    progress, texts = buffered(0.001)

    def work(name: int) -> Callable[[], None]:
        return lambda: [progress(f"{name}-{number}") for number in range(200)] and None

    threads = [threading.Thread(target=work(name)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    progress.flush()
    lines = "\n".join(texts).splitlines()
    assert len(lines) == 800
    for name in range(4):
        assert [line for line in lines if line.startswith(f"{name}-")] == [f"{name}-{n}" for n in range(200)]
