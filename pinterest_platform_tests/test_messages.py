"""Parts of messages."""

from pinterest_platform.messages import counted


def test_one_thing_is_singular() -> None:
    texts = [counted(number, "small file") for number in (0, 1, 2000)]
    assert texts == ["0 small files", "1 small file", "2,000 small files"]
