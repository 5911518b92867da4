"""The two kinds of failure that the platform tells apart.

Every message says what failed, where, and what to do about it.
"""


class PlatformFailure(Exception):
    """Base of the platform's own failures.

    Args:
        what: what failed and where, in one sentence.
        action: what the reader can do about it, in one sentence.
    """

    def __init__(self, what: str, action: str) -> None:
        super().__init__(f"{what} {action}")
        self.what = what
        self.action = action


class PermanentFailure(PlatformFailure):
    """Trying again changes nothing: a person has to decide or mend something first."""


class TransientFailure(PlatformFailure):
    """An outside system did not answer or lost a race: the same work may succeed later."""
