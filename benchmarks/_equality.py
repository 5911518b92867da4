"""Equality of our tables and reports with the peer's, cell for cell."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
from deltalake import DeltaTable

from pinterest_platform.catalog import ENTITIES, REPORTS, Column, ReportColumn


def differences(lake: Path, peer: Path) -> list[str]:
    """Return a line for each table or report that differs; none if all are equal.

    Args:
        lake: the folder that `full_build.build` filled.
        peer: the folder that `_duckdb_peer.build` filled.
    """
    tables = [(f"cleaned/{entity}", entity.columns, peer / f"{entity}.parquet") for entity in ENTITIES]
    reports = [(f"reports/{report.key}", report.columns, peer / f"{report.key}.parquet") for report in REPORTS]
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        lines = [_difference(db, lake, *table) for table in (*tables, *reports)]
    return [line for line in lines if line]


def _difference(
    db: duckdb.DuckDBPyConnection, lake: Path, name: str, columns: Sequence[Column | ReportColumn], parquet: Path
) -> str:
    """Compare the rows of two tables in any order; an empty line if they are equal."""
    names = [column.name for column in columns]
    db.register("ours", DeltaTable(str(lake / name)).to_pyarrow_table(columns=names))
    quoted = ", ".join(f'"{column}"' for column in names)
    our_rows, peer_rows = f"SELECT {quoted} FROM ours", f"SELECT {quoted} FROM '{parquet}'"
    alone = [
        db.execute(f"SELECT count(*) FROM (({rows}) EXCEPT ALL ({other_rows}))").fetchall()[0][0]
        for rows, other_rows in ((our_rows, peer_rows), (peer_rows, our_rows))
    ]
    db.unregister("ours")
    return f"{name}: {alone[0]} rows only in ours, {alone[1]} only in the peer's" if any(alone) else ""
