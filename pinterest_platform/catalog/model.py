"""Types of the catalog: what an entity is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record that the platform lands, cleans and reports on.

    Attributes:
        name: its name in topics, streams, tables and asset keys.
        order: its place among the entities.
        key_field: the JSON field that pairs the records of one post.
    """

    name: str
    order: int
    key_field: str

    def __str__(self) -> str:
        return self.name
