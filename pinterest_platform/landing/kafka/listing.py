"""The listing of a partition's folders, only by names."""

import re

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.listing import ListedObject
from pinterest_platform.landing.manifest import LONG_LIMIT
from pinterest_platform.ports import ObjectStore


class PartitionListing:
    """The objects in the folders of a partition, those of a Connect sink included.

    Args:
        store: the bucket.
        chain: the partition's chain.
        list_to: position up to which objects are listed; None for all.

    Attributes:
        side_objects: keys of listed objects with the keys or headers of records.
        foreign_keys: keys of all other listed objects whose names hold no offset.
    """

    def __init__(self, store: ObjectStore, chain: PartitionChain, list_to: int | None) -> None:
        self._store = store
        self._chain = chain
        self._list_to = list_to
        self.side_objects: set[str] = set()
        self.foreign_keys: set[str] = set()

    def list_both(self, list_from: int | None) -> tuple[list[ListedObject], list[ListedObject]]:
        """Return the adopted objects, and those under `topics/`, at one moment: nothing was adopted in between."""
        adopted = self._list_adopted(list_from)
        while True:
            listed = self._list(TOPICS_PREFIX, list_from)
            before, adopted = adopted, self._list_adopted(list_from)
            if adopted == before:
                return adopted, listed

    def has_own_name(self, named: ListedObject, root: str) -> bool:
        """Return whether an object has the name that landing gives to the object of its offset."""
        return named.key == self._chain.under(root).key(named.position)

    def _list_adopted(self, list_from: int | None) -> list[ListedObject]:
        listed = self._list(ADOPTED_PREFIX, list_from)
        self.foreign_keys |= {named.key for named in listed if not self.has_own_name(named, ADOPTED_PREFIX)}
        return [named for named in listed if self.has_own_name(named, ADOPTED_PREFIX)]

    def _list(self, root: str, list_from: int | None) -> list[ListedObject]:
        """List the objects whose names hold an offset, and remember all others."""
        folder = self._chain.under(root)
        named: list[ListedObject] = []
        for stored in folder.list_objects(self._store, list_from, self._list_to):
            match = re.fullmatch(r"([0-9]+)\.(?:(keys|headers)\.)?[^/]+", stored.key.removeprefix(folder.key_stem))
            if match is None or int(match[1]) >= LONG_LIMIT:
                # A key that ends with "/" is a folder that a console created.
                if stored.size or not stored.key.endswith("/"):
                    self.foreign_keys.add(stored.key)
            elif match[2]:
                self.side_objects.add(stored.key)
            else:
                named.append(ListedObject(int(match[1]), stored, root))
        return sorted(named, key=lambda named: named.position)
