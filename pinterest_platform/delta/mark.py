"""The mark of the platform's commits."""

MARK = "pinterest_platform"
"""The `userMetadata` of the platform's commits. Sail's MERGE takes none, so its condition has the mark, too."""
