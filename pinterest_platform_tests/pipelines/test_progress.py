"""Lines gathered until somebody is told of them."""

import threading
from collections.abc import Callable

from pinterest_platform.pipelines.progress import BufferedProgress

NEVER = 3600.0


def told(seconds: float = NEVER) -> tuple[BufferedProgress, list[str]]:
    texts: list[str] = []
    return BufferedProgress(texts.append, seconds), texts


def test_lines_are_told_together_and_in_order() -> None:
    say, texts = told()
    for line in ("a", "b", "c"):
        say(line)
    assert texts == []
    say.flush()
    say.flush()
    assert texts == ["a\nb\nc"]


def test_what_cannot_wait_comes_after_what_was_said_before_it() -> None:
    say, texts = told()
    say("before")
    say.at_once("now")
    say("after")
    say.flush()
    assert texts == ["before\nnow", "after"]


def test_a_line_that_stays_alone_is_told_all_the_same() -> None:
    arrived = threading.Event()
    texts: list[str] = []

    def tell(text: str) -> None:
        texts.append(text)
        arrived.set()

    BufferedProgress(tell, 0.01)("alone")
    assert arrived.wait(30)
    assert texts == ["alone"]


def test_no_line_of_many_threads_is_lost_or_doubled() -> None:
    say, texts = told(0.001)

    def work(name: int) -> Callable[[], None]:
        return lambda: [say(f"{name}-{number}") for number in range(200)] and None

    threads = [threading.Thread(target=work(name)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say.flush()
    lines = "\n".join(texts).splitlines()
    assert len(lines) == 800
    for name in range(4):
        assert [line for line in lines if line.startswith(f"{name}-")] == [f"{name}-{n}" for n in range(200)]
