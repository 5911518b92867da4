"""Counts of staged rows, and their comparison with the number of landed records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import Entity
from pinterest_platform.failures import TransientFailure
from pinterest_platform.messages import counted
from pinterest_platform.spark_jobs.frames import only_row
from pinterest_platform.transforms import cleaning, decoding


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a batch; see CleanResult for the fields. `untimed` are accepted rows without an arrival time."""

    records: int = 0
    rejected: int = 0
    keys: int = 0
    untimed: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def accepted(self) -> int:
        """The number of records that are not rejected."""
        return self.records - self.rejected


def check_records(records: int, expected: int | None, stream: str, uris: Sequence[str]) -> None:
    """Refuse objects with another number of lines than was landed: engines read a missing object as empty.

    Raises:
        TransientFailure: the numbers differ.
    """
    if expected is None or records == expected:
        return
    raise TransientFailure(
        f"{stream}: the objects from {uris[0]} ({len(uris)}) hold {counted(records, 'record')}, and their manifests "
        f"state {expected}.",
        "Check whether an object was deleted or changed; if not, retry.",
    )


def count(staged: DataFrame, entity: Entity) -> Counts:
    """Count staged files in one pass over their narrow columns."""
    is_accepted = F.col(decoding.REASON).isNull()
    fields = cleaning.UNREADABLE_FIELDS[entity]
    flags = [F.count_if(is_accepted & F.col(cleaning.UNREADABLE).getField(name)).alias(f"_{name}") for name in fields]
    row = only_row(
        staged.select(
            F.count(F.lit(1)).alias("records"),
            F.count(decoding.REASON).alias("rejected"),
            F.count_distinct(F.when(is_accepted, F.col(cleaning.KEY))).alias("keys"),
            F.count_if(is_accepted & F.col(f"{decoding.SOURCE}.arrived_at").isNull()).alias("untimed"),
            *flags,
        )
    )
    unreadable = {name: row[f"_{name}"] for name in fields}
    return Counts(row["records"], row["rejected"], row["keys"], row["untimed"], unreadable)


def count_in_memory(staged: pa.Table, entity: Entity) -> Counts:
    """Count staged rows in memory, without an engine."""
    rows = staged.filter(pc.field(decoding.REASON).is_null())
    flags = rows[cleaning.UNREADABLE].combine_chunks()
    return Counts(
        staged.num_rows,
        staged.num_rows - rows.num_rows,
        len(rows[cleaning.KEY].unique()),
        rows[decoding.SOURCE].combine_chunks().field("arrived_at").null_count,
        {name: flags.field(name).true_count for name in cleaning.UNREADABLE_FIELDS[entity]},
    )
