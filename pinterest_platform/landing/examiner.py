"""The part of a ledger that differs between the routes: listing, comparing, counting and reading objects."""

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from pinterest_platform.landing.chain import ChainFolder
from pinterest_platform.landing.checkpoint import ObjectTotals
from pinterest_platform.landing.listing import MergedObjects
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.object_audit import LandedObject, Problem
from pinterest_platform.landing.quarantine import ChainHistory
from pinterest_platform.ports import ObjectStore


class ExaminedHistory(ChainHistory, Protocol):
    """A listed part of a chain, in order."""

    @property
    def epoch_id(self) -> str | None:
        """The topic id or epoch that its last object was landed from, None if it is unknown."""
        ...

    @property
    def is_coverable(self) -> bool:
        """True if a checkpoint can cover its objects."""
        ...


class ReadResult(Protocol):
    """The result of reading an object."""

    @property
    def problems(self) -> Sequence[str]:
        """Its problems."""
        ...


M = TypeVar("M", bound=Manifest)
H = TypeVar("H", bound=ExaminedHistory)
R = TypeVar("R", bound=ReadResult)


class ChainExaminer(Generic[M, H, R]):
    """The listing, comparison, counting and reading of the objects of one chain."""

    __slots__ = ()
    store: ObjectStore

    @property
    def folder(self) -> ChainFolder:
        """The folder that landing writes to."""
        raise NotImplementedError

    @property
    def manifest_type(self) -> type[M]:
        """The type of the objects' manifests."""
        raise NotImplementedError

    def read_history(self, list_from: int | None, merged: MergedObjects) -> H:
        """List the chain from an object on, given its position; if it does not exist, from the beginning."""
        raise NotImplementedError

    def read_section(self, first: int | None, last: int, merged: MergedObjects) -> H:
        """List the objects with positions from `first` (None for the beginning) to `last`."""
        raise NotImplementedError

    def first_problem(self, first: LandedObject[M]) -> str | None:
        """Return the problem that the first object of the chain has as such, None if it begins the chain."""
        raise NotImplementedError

    def problems(self, history: H, objects: Sequence[LandedObject[M]]) -> Iterator[Problem]:
        """Yield the problems that names, sizes and manifests of a listed part show."""
        raise NotImplementedError

    def totals(self, manifest: M) -> ObjectTotals:
        """Return the counts of one object."""
        raise NotImplementedError

    def successor(self, manifest: M) -> int:
        """Return the position of the object that extends this one."""
        raise NotImplementedError

    def can_follow(self, manifest: M, previous: M) -> bool:
        """Return whether an object can be merged with the one before it."""
        raise NotImplementedError

    def merge_manifests(self, parts: Sequence[M], body: bytes, writer_id: str) -> M:
        """Return the manifest of the object, with this content, into which consecutive objects are merged."""
        raise NotImplementedError

    def read(self, landed: LandedObject[M]) -> R:
        """Read one object and compare it with its manifest."""
        raise NotImplementedError
