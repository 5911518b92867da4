"""The one exception that the emulators' commands turn into one line on stderr."""


class EmulatorFailure(Exception):
    """A failure that the user has to fix.

    Args:
        what: what failed, with its name, and why, in one sentence.
        action: what to do, in one sentence.
    """

    def __init__(self, what: str, action: str) -> None:
        super().__init__(f"{what} {action}")
        self.what = what
        self.action = action
