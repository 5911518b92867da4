"""Parameters and result of the job `compare`."""

from collections.abc import Sequence
from dataclasses import dataclass

from pinterest_platform.catalog import entity_named
from pinterest_platform.spark_jobs.parameters.transferable import Transferable


@dataclass(frozen=True, slots=True)
class CompareParameters(Transferable):
    """One comparison of two cleaned tables of an entity, for example those of the two routes.

    Attributes:
        entity: the name of an entity.
        left_uri: one cleaned Delta table.
        right_uri: the other one.
        io_timeout_seconds: the time that the store has to respond.
    """

    entity: str
    left_uri: str
    right_uri: str
    io_timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Refuse an unknown entity."""
        entity_named(self.entity)

    @property
    def table_uris(self) -> tuple[str, ...]:
        """The Delta tables that the job reads."""
        return self.left_uri, self.right_uri


@dataclass(frozen=True, slots=True)
class CompareResult(Transferable):
    """Differences between two cleaned tables; null is a value, and `_source` is not compared.

    Attributes:
        left_rows: rows of the left table.
        right_rows: rows of the right table.
        only_left: keys that the right table lacks.
        only_right: keys that the left table lacks.
        different: keys of both tables whose business columns differ.
        examples: up to ten keys that are in one table only, differ or have several rows, in order.
        duplicates_left: the left table's rows beyond the first of each key.
        duplicates_right: the right table's rows beyond the first of each key.
    """

    left_rows: int
    right_rows: int
    only_left: int
    only_right: int
    different: int
    examples: Sequence[int]
    duplicates_left: int = 0
    duplicates_right: int = 0

    @property
    def agree(self) -> bool:
        """True if both tables hold the same keys, each once, with the same values."""
        wrong = (self.only_left, self.only_right, self.different, self.duplicates_left, self.duplicates_right)
        return not any(wrong)
