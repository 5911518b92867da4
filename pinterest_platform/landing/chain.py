"""How landed objects are named: by the position that they extend (ARCHITECTURE "Landing exactly once" 1)."""

import re
from collections.abc import Iterator

from pinterest_platform.catalog import QUARANTINE_PREFIX
from pinterest_platform.ports import ObjectStore


class ObjectChain:
    """How the objects of a chain are named: what partitions and shards have in common.

    A chain has a stream, an epoch, the digits of a position in names, a `label` such as `partition`, and a `branch`,
    the partition or shard within the stream.
    """

    __slots__ = ()
    stream: str
    epoch: str | None
    digits: int

    @property
    def label(self) -> str:
        """What its folders call a branch."""
        raise NotImplementedError

    @property
    def branch(self) -> str:
        """Which part of the stream it is."""
        raise NotImplementedError

    @property
    def app_id(self) -> str:
        """The name under which consumers keep their position in this chain."""
        middle = f"epoch={self.epoch}/" if self.epoch else ""
        return f"{self.stream}/{middle}{self.branch}"

    def folder(self, root: str) -> str:
        """The prefix of this chain's keys under a root such as `topics/`."""
        middle = f"epoch={self.epoch}/" if self.epoch else ""
        return f"{root}{self.stream}/{middle}{self.label}={self.branch}/"

    def key(self, root: str, position: int) -> str:
        """The key of the object that extends the chain from `position`."""
        return f"{self.folder(root)}{self.stream}+{self.branch}+{position:0{self.digits}d}.json"

    def quarantine_folder(self, root: str) -> str:
        """The prefix of what was not accepted while landing under `root`."""
        return f"{QUARANTINE_PREFIX}{self.folder(root)}"

    def quarantine_key(self, root: str, position: int, end: int) -> str:
        """Where an object's rejected records stand; it carries the range, as two landers' ranges may differ."""
        name = f"{self.stream}+{self.branch}+{position:0{self.digits}d}+{end:0{self.digits}d}.json"
        return f"{self.quarantine_folder(root)}{name}"

    def quarantine_range(self, key: str) -> tuple[int, int] | None:
        """The position and end in a quarantine key, or None where it is no such key."""
        match = re.search(rf"\+([0-9]{{{self.digits}}})\+([0-9]{{{self.digits}}})\.json$", key)
        return (int(match[1]), int(match[2])) if match else None


def list_folders(store: ObjectStore, prefix: str) -> Iterator[str]:
    """Yield the names of the folders under a prefix, by one short LIST each, however many objects they hold."""
    after = ""
    while (first := next(iter(store.list(prefix, after)), None)) is not None:
        name, slash, _ = first.key.removeprefix(prefix).partition("/")
        if slash:
            yield name
        # "0" follows "/": nothing of this folder sorts at or behind it, and no other folder before it.
        after = f"{prefix}{name}0" if slash else first.key
