"""Dataclasses that can be written as JSON and read back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Json


class Transferable:
    """A dataclass that can be written as JSON and read back."""

    __slots__ = ()

    OLD_NAMES: ClassVar[Mapping[str, str]] = {}
    """Names that fields had in JSON of earlier versions, which are still read, to their names of today."""

    @property
    def table_uris(self) -> tuple[str, ...]:
        """The Delta tables that a job with these parameters reads."""
        return ()

    def to_json(self) -> dict[str, Any]:
        """Return the value as JSON objects, lists and scalars."""
        return asdict(self)  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a value that `to_json` wrote.

        Raises:
            PermanentFailure: a required field is missing, a field is unknown, or a value is invalid.
        """
        try:
            return cls(**{cls.OLD_NAMES.get(name, name): value for name, value in document.items()})
        except (TypeError, ValueError) as error:
            raise PermanentFailure(
                f"The parameters of {cls.__name__} are invalid: {error}.", "Pass exactly the fields that it documents."
            ) from None
