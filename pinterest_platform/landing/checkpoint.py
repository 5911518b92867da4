"""Checkpoints of the ledger: blocks of old objects of a chain that were found sound, with their sums (rule N16)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import orjson

from pinterest_platform.catalog import CHECKPOINTS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.chain import ChainFolder
from pinterest_platform.landing.listing import MergedObjects
from pinterest_platform.ports import ObjectStore

_MAX_OBJECTS = 1000
_MAX_BYTES = 1 << 30
_DIGITS = 20
_MAX_NUMBER = 10**18
"""The greatest number of a checkpoint; JSON holds integers of 64 bits, and no run writes as many."""
_RETAINED = 2
"""Checkpoints that remain, so that a run which reads the older one is not disturbed."""


@dataclass(frozen=True, slots=True)
class ObjectTotals:
    """Counts over some objects; `accepted_losses` counts lost offsets (Kafka) or possible losses (Kinesis)."""

    objects: int = 0
    records: int = 0
    quarantined: int = 0
    gaps: int = 0
    accepted_losses: int = 0

    def __add__(self, other: "ObjectTotals") -> "ObjectTotals":
        return ObjectTotals(
            self.objects + other.objects,
            self.records + other.records,
            self.quarantined + other.quarantined,
            self.gaps + other.gaps,
            self.accepted_losses + other.accepted_losses,
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive objects of a chain.

    Attributes:
        first: the position in the key of the first one.
        last: the position in the key of the last one.
        next: the position of the object that extends them.
        totals: their counts.
        size: their bytes.
        digest: a hash chain over what identifies each of them, in order.
        day: the day, since the epoch, on which all of them had been read.
        merged: a digest over the keys of the merged objects among them, empty if there are none.
    """

    first: int
    last: int
    next: int
    totals: ObjectTotals
    size: int
    digest: str
    day: int
    merged: str = ""

    def __contains__(self, position: int) -> bool:
        """Return whether the object at a position is, or would be, one of the block."""
        return self.first <= position <= self.last

    def holds(self, identities: Iterable[str]) -> bool:
        """Return whether these are what identifies its objects."""
        return chained_digest(identities) == self.digest

    def is_current(self, merged: MergedObjects) -> bool:
        """Return whether its merged objects are all those of its range; if not, others have replaced its objects."""
        keys = [merged_object.key for merged_object in merged.within(self.first, self.next)]
        return self.merged == chained_digest(keys)

    def extended(self, other: "Block", identity: str, merged_key: str | None) -> "Block | None":
        """Return this block with the only object of another one, None if that one does not follow or is too much.

        `identity` is what identifies that object, and `merged_key` its key if it is a merged object.
        """
        totals, size = self.totals + other.totals, self.size + other.size
        if self.next != other.first or totals.objects > _MAX_OBJECTS or size > _MAX_BYTES:
            return None
        digest = chained_digest([identity], self.digest)
        merged = chained_digest([merged_key] if merged_key else [], self.merged)
        return Block(self.first, other.last, other.next, totals, size, digest, min(self.day, other.day), merged)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The blocks of a chain in order.

    Attributes:
        number: its number, 0 if the chain has none.
        blocks: its blocks; objects between them are in none.
        epoch_id: the topic id or stream epoch that the objects were landed from.
        problem: the reason why it is not used, None if it is valid or if there is none.
    """

    number: int = 0
    blocks: tuple[Block, ...] = ()
    epoch_id: str | None = None
    problem: str | None = None


def sum_of(totals: Iterable[ObjectTotals]) -> ObjectTotals:
    """Return the sum of counts."""
    return reduce(add, totals, ObjectTotals())


def chained_digest(identities: Iterable[str], digest: str = "") -> str:
    """Return the digest of some objects, given the digest of those before them."""
    for identity in identities:
        digest = hashlib.sha256(f"{digest}\n{identity}".encode()).hexdigest()
    return digest


def read_checkpoint(store: ObjectStore, folder: ChainFolder) -> Checkpoint:
    """Return the newest checkpoint of a chain; if it is damaged, it has no blocks and names the problem."""
    prefix = _prefix(folder)
    numbers = [number for stored in store.list(prefix) if (number := _number(prefix, stored.key))]
    if not numbers:
        return Checkpoint()
    key = _key(folder, max(numbers))
    try:
        return _parse(store.read(key), prefix, max(numbers))
    except (PermanentFailure, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, PermanentFailure | ValueError) else f"{type(error).__name__}: {error}"
        return Checkpoint(max(numbers), problem=f"the checkpoint {key} is damaged and not used: {reason}")


def write_checkpoint(store: ObjectStore, folder: ChainFolder, checkpoint: Checkpoint) -> bool:
    """Write a checkpoint, and delete older ones; return False if another run wrote one of its number first."""
    fields = _fields(checkpoint, _prefix(folder))
    body = orjson.dumps({**fields, "checksum": _checksum(fields)})
    if not store.put_if_absent(_key(folder, checkpoint.number), body, {}, "application/json"):
        return False
    prefix = _prefix(folder)
    numbers = [number for stored in store.list(prefix) if (number := _number(prefix, stored.key))]
    store.delete([_key(folder, number) for number in numbers if number <= checkpoint.number - _RETAINED])
    return True


def covered_position(store: ObjectStore, folder: ChainFolder) -> int | None:
    """Return the position in the key of the last covered object, None if there is none.

    A listing from there is complete for a caller that has what comes before, provided that the object exists.
    """
    blocks = read_checkpoint(store, folder).blocks
    return blocks[-1].last if blocks else None


def _prefix(folder: ChainFolder) -> str:
    return f"{CHECKPOINTS_PREFIX}{folder.prefix}"


def _key(folder: ChainFolder, number: int) -> str:
    return f"{_prefix(folder)}{number:0{_DIGITS}d}.json"


def _number(prefix: str, key: str) -> int:
    """Return the number in the key of a checkpoint, 0 for another key."""
    name = key.removeprefix(prefix).removesuffix(".json")
    number = int(name) if len(name) == _DIGITS and name.isascii() and name.isdecimal() else 0
    return number if number < _MAX_NUMBER else 0


def _fields(checkpoint: Checkpoint, prefix: str) -> dict[str, Any]:
    """Return a checkpoint as JSON."""
    blocks = [_block_fields(block) for block in checkpoint.blocks]
    return {"chain": prefix, "number": checkpoint.number, "origin": checkpoint.epoch_id, "blocks": blocks}


def _block_fields(block: Block) -> dict[str, Any]:
    """Return a block as JSON; positions are texts, because those of Kinesis exceed 64 bits."""
    totals = block.totals
    return {
        "first": str(block.first),
        "last": str(block.last),
        "next": str(block.next),
        "totals": {
            "objects": totals.objects,
            "records": totals.records,
            "quarantined": totals.quarantined,
            "gaps": totals.gaps,
            "accepted": totals.accepted_losses,
        },
        "size": block.size,
        "digest": block.digest,
        "day": block.day,
        **({"merged": block.merged} if block.merged else {}),
    }


def _parse(body: bytes, prefix: str, number: int) -> Checkpoint:
    fields: dict[str, Any] = orjson.loads(body)
    if fields.pop("checksum") != _checksum(fields):
        raise ValueError("its checksum differs")
    if (fields["chain"], fields["number"]) != (prefix, number):
        raise ValueError(f"it was written as number {fields['number']} of {fields['chain']}")
    blocks = tuple(_block(block) for block in fields["blocks"])
    if any(later.first < earlier.next for earlier, later in pairwise(blocks)):
        raise ValueError("its blocks overlap")
    return Checkpoint(number, blocks, fields["origin"])


def _block(fields: Mapping[str, Any]) -> Block:
    totals = fields["totals"]
    block = Block(
        first=int(_text(fields["first"])),
        last=int(_text(fields["last"])),
        next=int(_text(fields["next"])),
        totals=ObjectTotals(
            objects=_natural(totals["objects"]),
            records=_natural(totals["records"]),
            quarantined=_natural(totals["quarantined"]),
            gaps=_natural(totals["gaps"]),
            accepted_losses=_natural(totals["accepted"]),
        ),
        size=_natural(fields["size"]),
        digest=_text(fields["digest"]),
        day=_natural(fields["day"]),
        merged=_text(fields.get("merged", "")),
    )
    if not block.first <= block.last < block.next:
        raise ValueError(f"a block begins at {block.first} and ends at {block.last}, before {block.next}")
    return block


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a number of a block")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text of a block")
    return value


def _checksum(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()
