"""Small files of a Delta table put together, changing no row.

The commit is one of ours, for exactly one version: deltalake's own compaction does not see that another one replaced
the same files first, and doubles their rows.
"""

import re
import uuid
from collections.abc import Mapping
from contextlib import suppress

import pyarrow as pa
import pyarrow.dataset as pads
from deltalake import DeltaTable

from pinterest_platform.delta.conflicts import ATTEMPTS, CommitConflictError
from pinterest_platform.delta.tables import DeltaTables, Exchange

_ROWS_PER_GROUP = 64 * 1024
_PLAIN_NAME = re.compile(r"[\w./=-]+", re.ASCII)
"""Files whose names stand in a log as they are, without escapes; others are left alone."""


def sizes(table: DeltaTable) -> dict[str, int]:
    """The files of a table, each with its bytes."""
    found = table.get_add_actions(flatten=True)
    return dict(zip(found.column("path").to_pylist(), found.column("size_bytes").to_pylist(), strict=True))


def compact(tables: DeltaTables, table: DeltaTable, target_bytes: int, below_bytes: int | None = None) -> int:
    """Put small files together, in one commit that changes no row and no position.

    What others commit meanwhile is borne, but for files that they removed: nothing is put together of those.
    Partitioned tables, and those that need more of a reader than the first protocol, are left alone.

    Args:
        tables: the store.
        table: the table; afterwards it is at its newest version.
        target_bytes: how large a file may get.
        below_bytes: files of so many bytes and more are left alone; `target_bytes` where it is None.

    Returns:
        How many files became larger ones; 0 where there was nothing to put together.

    Raises:
        LostRaceError: other commits removed the files first.
    """
    uri = table.table_uri
    with tables.explained(uri):
        limit = target_bytes if below_bytes is None else below_bytes
        small = {name: size for name, size in sizes(table).items() if size < limit}
        groups = _groups(small, target_bytes) if _is_plain(table) else []
        written = [_put_together(tables, table, group) for group in groups]
    if not written:
        return 0
    for _ in range(ATTEMPTS):
        live = sizes(tables.refreshed(table)).keys()
        # The answer to a commit may have got lost.
        done = [one for one in written if one.added in live]
        whole = [one for one in written if one.removed.keys() <= live]
        if not done and whole:
            with suppress(CommitConflictError):
                tables.exchange(table, whole)
                tables.refreshed(table)
                done = whole
        if done:
            return sum(len(one.removed) for one in done)
        if not whole:
            break
    raise CommitConflictError(f"Other writers came before the compaction of {uri}.")


def _is_plain(table: DeltaTable) -> bool:
    return not table.metadata().partition_columns and table.protocol().min_reader_version == 1


def _groups(files: Mapping[str, int], target_bytes: int) -> list[dict[str, int]]:
    """The files to be put together, smallest first, each group of two at least and of `target_bytes` at most."""
    groups: list[dict[str, int]] = [{}]
    for name, size in sorted(files.items(), key=lambda item: item[1]):
        if not _PLAIN_NAME.fullmatch(name):
            continue
        if sum(groups[-1].values()) + size > target_bytes:
            groups.append({})
        groups[-1][name] = size
    return [group for group in groups if len(group) > 1]


def _put_together(tables: DeltaTables, table: DeltaTable, group: Mapping[str, int]) -> Exchange:
    """Write the rows of some files to a new one, which is no part of the table yet."""
    files, name = tables.files(table.table_uri), f"part-{uuid.uuid4()}-{{i}}.zstd.parquet"
    format_ = pads.ParquetFileFormat()
    rows = pads.dataset([*group], schema=pa.schema(table.schema().to_arrow()), filesystem=files, format=format_)
    pads.write_dataset(
        rows,
        "",
        basename_template=name,
        filesystem=files,
        format=format_,
        file_options=format_.make_write_options(compression="zstd", store_schema=False),
        create_dir=False,
        existing_data_behavior="overwrite_or_ignore",
        min_rows_per_group=_ROWS_PER_GROUP,
        use_threads=False,
    )
    return Exchange(group, name.format(i=0))
