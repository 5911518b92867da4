"""Types of entities, their fields and columns."""

from dataclasses import dataclass, field
from typing import Literal

from pinterest_platform.catalog.model.declarations import check_names, refuse
from pinterest_platform.catalog.references import Reference

KEY = "ind"
"""The key column of every cleaned table."""

_SCALARS = ("string", "bigint", "int", "double", "boolean", "timestamp")
_RESERVED = {"value": "the name of the raw line"} | dict.fromkeys(
    ("partition", "shard", "epoch"), "a folder of landed objects, which engines read as a column"
)
"""Names that no field may have, in any case, and the reason."""


@dataclass(frozen=True, slots=True)
class Field:
    """A known field of a posted record.

    Attributes:
        name: its JSON name, of letters, digits and `_`.
        sentinels: texts that mean "no data" in this field (rule C3).
        reader: function from the trimmed text to the value, null if the text cannot be read. Unreadable values are
            counted. Without a reader, the value is the text.
        number: the type as which its JSON numbers can be read without changing the value of the column: bigint for
            integers, double for all numbers. Without it, numbers are read as the text that was posted (rule C7).
    """

    name: str
    sentinels: tuple[str, ...] = ()
    reader: Reference | None = None
    number: Literal["bigint", "double"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a cleaned table. It has one argument for each part of the declaration.

    Attributes:
        name: its name.
        type: its Spark type, for example `string`, `bigint`, `timestamp` or `array<double>`.
        description: its meaning, in one sentence.
        sources: the fields that it is made of; by default the field of its name.
        rule: function from the values of the sources to the value of the column. Without a rule, the column is its
            only source.
        nullable: whether it can be null.
        unique: whether no value occurs twice.
        minimum: the smallest value that its rule lets through.
        maximum: the largest one.
        constraint: any other constraint, in words.
        pii: whether it holds personal data.
    """

    name: str
    type: str
    description: str
    sources: tuple[str, ...] = ()
    rule: Reference | None = None
    nullable: bool = True
    unique: bool = False
    minimum: float | None = None
    maximum: float | None = None
    constraint: str = ""
    pii: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", self.sources or (self.name,))

    @property
    def constraints(self) -> tuple[str, ...]:
        """The constraints other than null and unique, in words."""
        limits = [
            f"at least {self.minimum:g}" if self.minimum is not None else "",
            f"at most {self.maximum:g}" if self.maximum is not None else "",
            self.constraint,
        ]
        return tuple(filter(None, limits))


@dataclass(frozen=True, slots=True)
class Time:
    """The column of a cleaned table that dates its rows, and the label of its range on the page."""

    column: str
    label: str


@dataclass(frozen=True, slots=True)
class Headline:
    """A number at the top of the page: the rows of a cleaned table, or the distinct values of some of its columns.

    Attributes:
        label: its label.
        distinct: the columns whose distinct values are counted, without those that are all null; empty to count rows.
    """

    label: str
    distinct: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A kind of record that the platform lands, cleans and reports on. It has one argument for each part of it.

    Attributes:
        name: its name in topics, streams, tables and asset keys. Entities of one name are equal.
        order: its place among the entities.
        description: the thing that a record describes, in one sentence.
        key_field: the field that identifies a record; it becomes the column `ind`.
        fields: the known fields of a posted record, in source order.
        columns: the columns of the cleaned table, in order; `_source` follows them.
        time: the column that dates the rows, if there is one.
        headlines: the numbers of its cleaned table at the top of the page. Only tables that a report reads have them.

    Raises:
        PermanentFailure: the declaration contradicts itself.
    """

    name: str
    order: int = field(compare=False, repr=False)
    description: str = field(compare=False, repr=False)
    key_field: str = field(compare=False, repr=False)
    fields: tuple[Field, ...] = field(compare=False, repr=False)
    columns: tuple[Column, ...] = field(compare=False, repr=False)
    time: Time | None = field(default=None, compare=False, repr=False)
    headlines: tuple[Headline, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        self._check_fields()
        self._check_columns()

    def __str__(self) -> str:
        return self.name

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the known fields, in source order."""
        return tuple(raw_field.name for raw_field in self.fields)

    @property
    def used_fields(self) -> tuple[Field, ...]:
        """The fields that a column other than the key is made of, in source order."""
        used = {source for column in self.columns if column.name != KEY for source in column.sources}
        return tuple(raw_field for raw_field in self.fields if raw_field.name in used)

    @property
    def read_fields(self) -> tuple[Field, ...]:
        """The used fields that have a reader."""
        return tuple(raw_field for raw_field in self.used_fields if raw_field.reader is not None)

    def _check_fields(self) -> None:
        subject = f"The entity {self.name!r}"
        rename = "Rename the field."
        for name in self.field_names:
            if name.startswith("_"):
                refuse(f"{subject} has a field {name!r}: names that begin with _ are landing's own", rename)
            if reason := _RESERVED.get(name.lower()):
                refuse(f"{subject} has a field {name!r}, which is {reason}", rename)
        check_names(subject, "field", self.field_names)
        if self.key_field not in self.field_names:
            refuse(f"{subject} has no field {self.key_field!r}, its key_field", "Add it to fields.")

    def _check_columns(self) -> None:
        subject = f"The entity {self.name!r}"
        names = [column.name for column in self.columns]
        check_names(subject, "column", names)
        key = next((column for column in self.columns if column.name == KEY), None)
        if key is None or key.sources != (self.key_field,) or key.type != "bigint" or key.rule is not None:
            refuse(
                f"{subject} does not declare its key",
                f"Add a bigint column {KEY!r} without a rule, with the key_field as its only source.",
            )
        for column in self.columns:
            if missing := [source for source in column.sources if source not in self.field_names]:
                refuse(
                    f"The column {column.name!r} of the entity {self.name!r} has the source {missing[0]!r}, "
                    "which is not a field",
                    "Add it to fields.",
                )
            if column.rule is None and len(column.sources) > 1:
                refuse(
                    f"The column {column.name!r} of the entity {self.name!r} has several sources and no rule",
                    "Give it a rule.",
                )
            if element_type(column.type) not in _SCALARS:
                refuse(
                    f"The column {column.name!r} of the entity {self.name!r} has the unknown type {column.type!r}",
                    f"Use {', '.join(_SCALARS)}, or array<…> of one of them.",
                )
        if self.time is not None and self.time.column not in names:
            refuse(f"{subject} has no column {self.time.column!r}, its time", "Name a timestamp column.")
        counted = (name for headline in self.headlines for name in headline.distinct)
        if missing := [name for name in counted if name not in names]:
            refuse(
                f"{subject} counts {missing[0]!r} in a headline, which is not a column", "Name columns of its table."
            )


def element_type(notation: str) -> str:
    """Return the type of the innermost elements: `double` for `array<double>`, the type itself for any other."""
    while notation.startswith("array<") and notation.endswith(">"):
        notation = notation.removeprefix("array<").removesuffix(">")
    return notation
