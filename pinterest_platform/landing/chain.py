"""Chains of landed objects: folders, keys and app ids (rules L2, N7 to N10, N13)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar, NamedTuple, TypeVar

from pinterest_platform.catalog import QUARANTINE_PREFIX
from pinterest_platform.ports import ObjectStore, StoredObject

_COUNT_DIGITS = 9
_MERGED_NAME = re.compile(rf"[^/]+\+([0-9]+)\+([0-9]+)\+([0-9]{{{_COUNT_DIGITS}}})\.json")


@dataclass(frozen=True, slots=True)
class ChainFormat:
    """The differences between the routes in the keys and lines of landed objects.

    Attributes:
        roots: prefixes under which a chain can have objects; landing writes under the first one.
        label: name of a partition's folder, `partition` or `shard`.
        digits: digits of a position in keys.
        partition_field: envelope field of the partition id.
        position_field: envelope field of the position.
        step: difference between the end of an object and the position of the next one.
    """

    roots: tuple[str, ...]
    label: str
    digits: int
    partition_field: str
    position_field: str
    step: int


class ObjectChain:
    """A partition or shard of one epoch, and the objects landed from it.

    A position is an offset or a sequence number. `epoch` is None in a stream's first epoch.
    """

    __slots__ = ()
    format: ClassVar[ChainFormat]
    stream: str
    epoch: str | None

    @property
    def partition_id(self) -> str:
        """The partition's number or the shard's id."""
        raise NotImplementedError

    @property
    def app_id(self) -> str:
        """The name under which consumers keep their position in this chain."""
        return f"{self.stream}/{self._epoch_folder}{self.partition_id}"

    @property
    def folder(self) -> "ChainFolder":
        """The chain's folder of landed objects."""
        return self.under(self.format.roots[0])

    def under(self, root: str) -> "ChainFolder":
        """Return the chain's folder under a root such as `topics/`."""
        path = f"{self.stream}/{self._epoch_folder}{self.format.label}={self.partition_id}/"
        return ChainFolder(root, path, f"{self.stream}+{self.partition_id}+", self.format.digits, self.format.step)

    @property
    def _epoch_folder(self) -> str:
        return f"epoch={self.epoch}/" if self.epoch else ""


C = TypeVar("C", bound=ObjectChain)


@dataclass(frozen=True, slots=True)
class ChainFolder:
    """The folder of a chain under one root, and the folder of its quarantine.

    Attributes:
        root: the root, such as `topics/`.
        path: the folder's path under the root.
        stem: the part of an object's name before its position.
        digits: digits of a position.
        step: difference between the end of an object and the position of the next one.
    """

    root: str
    path: str
    stem: str
    digits: int
    step: int

    @property
    def prefix(self) -> str:
        """The prefix of the chain's keys."""
        return f"{self.root}{self.path}"

    @property
    def quarantine_prefix(self) -> str:
        """The prefix of the keys of quarantined records."""
        return f"{QUARANTINE_PREFIX}{self.prefix}"

    def key(self, position: int) -> str:
        """Return the key of the object that extends the chain from `position`."""
        return f"{self.prefix}{self.stem}{position:0{self.digits}d}.json"

    def merged_key(self, position: int, end: int, objects: int) -> str:
        """Return the key of the object into which some landed objects are merged (rule N17)."""
        return f"{self.key_stem}{position:0{self.digits}d}+{end:0{self.digits}d}+{objects:0{_COUNT_DIGITS}d}.json"

    @property
    def key_stem(self) -> str:
        """The part of the folder's keys before the position."""
        return f"{self.prefix}{self.stem}"

    def quarantine_key(self, position: int, end: int) -> str:
        """Return the key of an object's rejected records; two writers' ranges can differ, so it holds the range."""
        return f"{self.quarantine_prefix}{self.stem}{position:0{self.digits}d}+{end:0{self.digits}d}.json"

    def quarantine_range(self, key: str) -> tuple[int, int] | None:
        """Return the position and the end in a quarantine key, or None if it is another key."""
        match = re.search(rf"\+([0-9]{{{self.digits}}})\+([0-9]{{{self.digits}}})\.json$", key)
        return (int(match[1]), int(match[2])) if match else None

    def list_objects(
        self, store: ObjectStore, list_from: int | None = None, list_to: int | None = None
    ) -> Iterator[StoredObject]:
        """Yield all objects of the folder whose keys are not before that of one position and not after another's."""
        listed = store.list(self.prefix, self.key(list_from - 1) if list_from else "")
        return listed if list_to is None else takewhile(lambda stored: stored.key <= self.key(list_to), listed)

    def list_named(
        self, store: ObjectStore, suffix: str, list_from: int | None = None, list_to: int | None = None
    ) -> Iterator[tuple[int, StoredObject]]:
        """Yield the objects of the folder whose names hold a position, each with that position.

        Args:
            store: the bucket.
            suffix: pattern of the name from the position on; the position is its group.
            list_from: position from which on objects are listed; None or 0 for all.
            list_to: position up to which objects are listed; None for all.
        """
        pattern = re.compile(re.escape(self.key_stem) + suffix)
        for stored in self.list_objects(store, list_from, list_to):
            if match := pattern.fullmatch(stored.key):
                yield int(match[1]), stored


class MergedName(NamedTuple):
    """The name of a merged object: its position, the last position that it covers, and the number of its objects."""

    position: int
    end: int
    objects: int


def merged_name(key: str) -> MergedName | None:
    """Return the parts of the name in a key, None if it is not that of a merged object."""
    match = _MERGED_NAME.fullmatch(key.rpartition("/")[2])
    return MergedName(*map(int, match.groups())) if match else None


def position_in(key: str) -> int:
    """Return the position in the key of a landed or merged object."""
    name = merged_name(key)
    return name.position if name else int(key.rpartition("+")[2].partition(".")[0])


def list_entries(
    store: ObjectStore,
    prefix: str,
    label: str,
    chain_of: Callable[[str, str | None], C | None],
    epoch: str | None = None,
) -> Iterator[C | str]:
    """Yield the chains under a prefix, and the key of the first object of every other folder.

    It needs one short LIST for each, however many objects they hold.

    Args:
        store: the bucket.
        prefix: the prefix of the folders.
        label: name of a partition's folder, `partition` or `shard`.
        chain_of: returns the chain of a partition id and an epoch, None if it is not a partition id.
        epoch: the epoch that the prefix belongs to.
    """
    after = ""
    while (first := next(iter(store.list(prefix, after)), None)) is not None:
        name, slash, _ = first.key.removeprefix(prefix).partition("/")
        name_label, _, value = name.partition("=")
        if slash and name_label == label and (chain := chain_of(value, epoch)) is not None:
            yield chain
        elif slash and name_label == "epoch" and value and epoch is None:
            yield from list_entries(store, f"{prefix}{name}/", label, chain_of, value)
        # A key that ends with "/" is a folder that a console created.
        elif first.size or not first.key.endswith("/"):
            yield first.key
        # "0" follows "/": nothing of this folder sorts at or after it, and no other folder before it.
        after = f"{prefix}{name}0" if slash else first.key
