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
    """The counts of a batch; see CleanResult for the fields.

    `untimed` are accepted rows without an arrival time; `newest_ms` is the latest one, None without any.
    """

    records: int = 0
    rejected: int = 0
    keys: int = 0
    untimed: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict[str, int])
    newest_ms: int | None = None

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
    is_accepted, arrival = F.col(decoding.REASON).isNull(), F.col(f"{decoding.SOURCE}.arrived_at")
    fields = cleaning.UNREADABLE_FIELDS[entity]
    flags = [F.count_if(is_accepted & F.col(cleaning.UNREADABLE).getField(name)).alias(f"_{name}") for name in fields]
    row = only_row(
        staged.select(
            F.count(F.lit(1)).alias("records"),
            F.count(decoding.REASON).alias("rejected"),
            F.count_distinct(F.when(is_accepted, F.col(cleaning.KEY))).alias("keys"),
            F.count_if(is_accepted & arrival.isNull()).alias("untimed"),
            F.max(F.when(is_accepted, F.unix_micros(arrival))).alias("newest"),
            *flags,
        )
    )
    unreadable = {name: row[f"_{name}"] for name in fields}
    newest_ms = None if row["newest"] is None else row["newest"] // 1000
    return Counts(row["records"], row["rejected"], row["keys"], row["untimed"], unreadable, newest_ms)


def count_in_memory(staged: pa.Table, entity: Entity) -> Counts:
    """Count staged rows in memory, without an engine."""
    rows = staged.filter(pc.field(decoding.REASON).is_null())
    flags = rows[cleaning.UNREADABLE].combine_chunks()
    arrivals = rows[decoding.SOURCE].combine_chunks().field("arrived_at")
    times: list[int] = arrivals.drop_null().cast(pa.int64()).to_pylist()
    return Counts(
        staged.num_rows,
        staged.num_rows - rows.num_rows,
        len(rows[cleaning.KEY].unique()),
        arrivals.null_count,
        {name: flags.field(name).true_count for name in cleaning.UNREADABLE_FIELDS[entity]},
        max(times) // 1000 if times else None,
    )
