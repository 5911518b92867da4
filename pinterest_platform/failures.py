"""The two kinds of failure that the platform tells apart.

Every message says what failed, where, and what to do about it.
"""

from collections.abc import Sequence


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


def joined(failures: Sequence[PlatformFailure]) -> PlatformFailure:
    """One failure that says what all of them do; transient if one of them is, as that one may be over next time."""
    if len(failures) == 1:
        return failures[0]
    kind = TransientFailure if any(isinstance(failure, TransientFailure) for failure in failures) else PermanentFailure
    return kind(
        " ".join({failure.what: None for failure in failures}), " ".join({failure.action: None for failure in failures})
    )
