"""The entities whose records are posted."""

ENTITIES = ("pin", "geo", "user")
"""In the order in which the records of a post are posted."""
