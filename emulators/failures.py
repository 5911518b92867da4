"""The one exception that the emulators' commands turn into one line on stderr."""


class EmulatorFailure(Exception):
    """Something that a person has to mend.

    Args:
        what: what failed and where, in one sentence.
        action: what to do about it, in one sentence.
    """

    def __init__(self, what: str, action: str) -> None:
        super().__init__(f"{what} {action}")
        self.what = what
        self.action = action
