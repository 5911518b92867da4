"""The three source tables, for any database that SQLAlchemy supports (rule S1)."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Double, Integer, MetaData, Table, Text
from sqlalchemy.dialects import mysql

METADATA = MetaData()

# MySQL's TEXT is limited to 64 KiB and its DATETIME to whole seconds: neither keeps every value unchanged.
_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_DATETIME = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
# SQLite uses a key of type INTEGER as row id, which is the fastest index.
_KEY = BigInteger().with_variant(Integer(), "sqlite")


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        METADATA,
        *columns,
        mysql_charset="utf8mb4",
        mariadb_charset="utf8mb4",
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


PIN = _table(
    "pinterest_data",
    Column("index", _KEY, primary_key=True, autoincrement=False),
    Column("unique_id", _TEXT),
    Column("title", _TEXT),
    Column("description", _TEXT),
    Column("poster_name", _TEXT),
    Column("follower_count", _TEXT),
    Column("tag_list", _TEXT),
    Column("is_image_or_video", _TEXT),
    Column("image_src", _TEXT),
    Column("downloaded", Integer),
    Column("save_location", _TEXT),
    Column("category", _TEXT),
)
"""The posts' contents."""

GEO = _table(
    "geolocation_data",
    Column("ind", _KEY, primary_key=True, autoincrement=False),
    Column("timestamp", _DATETIME),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("country", _TEXT),
)
"""The posts' times and places."""

USER = _table(
    "user_data",
    Column("ind", _KEY, primary_key=True, autoincrement=False),
    Column("first_name", _TEXT),
    Column("last_name", _TEXT),
    Column("age", Integer),
    Column("date_joined", _DATETIME),
)
"""The posts' users."""

TABLES: dict[str, Table] = {"pin": PIN, "geo": GEO, "user": USER}
"""The tables by entity, in the order of a post's records."""


def key_of(table: Table) -> Column[int]:
    """Return the column that joins the three tables: pin.`index` = geo.`ind` = user.`ind`."""
    return table.c["index" if table is PIN else "ind"]
