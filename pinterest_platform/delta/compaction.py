"""Compaction of a Delta table's small files, which changes no row.

The platform commits it for exactly one version: deltalake's own compaction does not notice that another one replaced
the same files first, and duplicates their rows.
"""

import re
import uuid
from collections.abc import Mapping
from contextlib import suppress

import pyarrow as pa
import pyarrow.dataset as pads
from deltalake import DeltaTable

from pinterest_platform.delta.conflicts import ATTEMPTS, CommitConflictError
from pinterest_platform.delta.data_files import file_sizes
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.replacement import FileRewrite, rewrite_files
from pinterest_platform.delta.tables import DeltaTables

_ROWS_PER_GROUP = 64 * 1024
_PLAIN_NAME = re.compile(r"[\w./=-]+", re.ASCII)
"""Names that a log holds without escapes; files with other names are not compacted."""


def compact(tables: DeltaTables, table: DeltaTable, target_bytes: int, below_bytes: int | None = None) -> int:
    """Merge small files in one commit that changes no row and no position.

    Commits of other writers are tolerated; files that they removed are left out. Partitioned tables, and tables that
    need more of a reader than the first protocol, are not compacted.

    Args:
        tables: the store.
        table: the table; it is at its newest version afterwards.
        target_bytes: the maximum size of a merged file.
        below_bytes: files of this size and larger are not compacted; `target_bytes` by default.

    Returns:
        The number of files that were merged into larger ones.

    Raises:
        CommitConflictError: other commits removed the files first.
    """
    uri = table.table_uri
    with translate_store_errors(uri):
        limit = target_bytes if below_bytes is None else below_bytes
        small = {name: size for name, size in file_sizes(table).items() if size < limit}
        groups = _groups(small, target_bytes) if _is_supported(table) else []
        rewrites = [_write_merged(tables, table, group) for group in groups]
    if not rewrites:
        return 0
    for _ in range(ATTEMPTS):
        live = file_sizes(tables.refreshed(table)).keys()
        # The response to a successful commit may have been lost.
        committed = [rewrite for rewrite in rewrites if rewrite.added in live]
        applicable = [rewrite for rewrite in rewrites if rewrite.removed.keys() <= live]
        if not committed and applicable:
            with suppress(CommitConflictError):
                rewrite_files(tables, table, applicable)
                tables.refreshed(table)
                committed = applicable
        if committed:
            return sum(len(rewrite.removed) for rewrite in committed)
        if not applicable:
            break
    raise CommitConflictError(f"Other writers committed before the compaction of {uri}.")


def _is_supported(table: DeltaTable) -> bool:
    return not table.metadata().partition_columns and table.protocol().min_reader_version == 1


def _groups(files: Mapping[str, int], target_bytes: int) -> list[dict[str, int]]:
    """Return groups of files to merge, smallest first, of two files at least and of `target_bytes` at most."""
    groups: list[dict[str, int]] = [{}]
    for name, size in sorted(files.items(), key=lambda item: item[1]):
        if not _PLAIN_NAME.fullmatch(name):
            continue
        if sum(groups[-1].values()) + size > target_bytes:
            groups.append({})
        groups[-1][name] = size
    return [group for group in groups if len(group) > 1]


def _write_merged(tables: DeltaTables, table: DeltaTable, group: Mapping[str, int]) -> FileRewrite:
    """Write the rows of some files to a new file, which is not yet part of the table."""
    folder, name = tables.folder(table.table_uri), f"part-{uuid.uuid4()}-{{i}}.zstd.parquet"
    format_ = pads.ParquetFileFormat()
    rows = pads.dataset([*group], schema=pa.schema(table.schema().to_arrow()), filesystem=folder, format=format_)
    pads.write_dataset(
        rows,
        "",
        basename_template=name,
        filesystem=folder,
        format=format_,
        file_options=format_.make_write_options(compression="zstd", store_schema=False),
        create_dir=False,
        existing_data_behavior="overwrite_or_ignore",
        min_rows_per_group=_ROWS_PER_GROUP,
        use_threads=False,
    )
    return FileRewrite(group, name.format(i=0))
