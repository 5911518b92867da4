"""The peer of the full build: the same tables and reports by a DuckDB script, tuned manually, to Parquet.

It follows the rules C and R, keeps the newest row of each key, and uses all cores. It has no quarantine, no counts, no
positions, no history and no incremental mode: it is the speed to beat, not the guarantees.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from pinterest_platform.catalog import ENTITIES, GEO, PIN, USER, Entity
from pinterest_platform.transforms.reading import BLANKS

_ENVELOPE = {"_partition": "INTEGER", "_offset": "BIGINT", "_timestamp": "BIGINT"}
_MACROS = """
CREATE MACRO multiplier(t) AS
    CASE right(t, 1) WHEN 'k' THEN 1000 WHEN 'K' THEN 1000 WHEN 'm' THEN 1000000 WHEN 'M' THEN 1000000
        WHEN 'b' THEN 1000000000 WHEN 'B' THEN 1000000000 ELSE 1 END;
CREATE MACRO followers(t) AS CAST(
    round(TRY_CAST(rtrim(replace(t, ',', ''), 'kKmMbB') AS DECIMAL(28, 9)) * multiplier(t)) AS BIGINT);
CREATE MACRO degrees(t, most) AS CASE WHEN TRY_CAST(t AS DOUBLE) BETWEEN -most AND most THEN TRY_CAST(t AS DOUBLE) END;
"""


def _bare(text: str) -> str:
    """Return SQL for a text without blanks at its ends (rule C2)."""
    return f"trim({text}, '{BLANKS}')"


def _text(entity: Entity, name: str) -> str:
    """Return SQL for a field trimmed, null if it is empty or a sentinel of the field (rule C3)."""
    text, field = _bare(name), next(field for field in entity.fields if field.name == name)
    nulls = ", ".join(f"'{word}'" for word in ("", *field.sentinels))
    return f"CASE WHEN {text} NOT IN ({nulls}) THEN {text} END"


_TEXTS = ("unique_id", "title", "description", "poster_name", "tag_list", "is_image_or_video", "image_src", "category")
_SAVED = _bare("save_location")
_SAVED_BELOW = f"CASE WHEN starts_with({_SAVED}, 'Local save in ') THEN right({_SAVED}, -14) ELSE {_SAVED} END"
_COLUMNS: Mapping[Entity, str] = {
    PIN: ", ".join(
        [
            *(f"{_text(PIN, name)} AS {name}" for name in _TEXTS),
            f"followers({_bare('follower_count')}) AS follower_count",
            f"nullif({_bare(_SAVED_BELOW)}, '') AS save_location",
        ]
    ),
    GEO: f"""{_text(GEO, "country")} AS country,
        CASE WHEN degrees(latitude, 90) IS NOT NULL AND degrees(longitude, 180) IS NOT NULL
            THEN [degrees(latitude, 90), degrees(longitude, 180)] END AS coordinates,
        TRY_CAST("timestamp" AS TIMESTAMP) AS "timestamp" """,
    USER: f"""nullif(concat_ws(' ', {_text(USER, "first_name")}, {_text(USER, "last_name")}), '') AS user_name,
        CASE WHEN TRY_CAST(age AS BIGINT) BETWEEN 0 AND 130 THEN TRY_CAST(age AS BIGINT) END AS age,
        TRY_CAST(date_joined AS TIMESTAMP) AS date_joined""",
}
_NARROW: Mapping[Entity, str] = {
    PIN: "ind, category, poster_name, follower_count",
    GEO: 'ind, country, year("timestamp") AS post_year',
    USER: "ind, user_name, age, date_joined",
}
"""The columns of the reports, kept in memory when a table is written."""
_JOINS = """
CREATE TEMP TABLE placed AS SELECT * FROM narrow_pin JOIN narrow_geo USING (ind);
CREATE TEMP TABLE joined AS
SELECT category, follower_count, year(date_joined) AS join_year,
    CASE WHEN age < 18 THEN NULL WHEN age < 25 THEN 1 WHEN age < 36 THEN 2 WHEN age < 51 THEN 3
        WHEN age IS NOT NULL THEN 4 END AS age_number,
    ['18-24', '25-35', '36-50', '+50'][age_number] AS age_group
FROM narrow_pin JOIN narrow_user USING (ind);
CREATE TEMP TABLE top_posters AS
SELECT country, poster_name, max(follower_count) AS follower_count FROM placed
WHERE country IS NOT NULL AND poster_name IS NOT NULL AND follower_count IS NOT NULL GROUP BY 1, 2
QUALIFY max(follower_count) = max(max(follower_count)) OVER (PARTITION BY country);
"""
_JOINED_WITHIN = "join_year BETWEEN 2015 AND 2020 AND follower_count IS NOT NULL"
REPORTS: Mapping[str, str] = {
    "popular_category_by_country": """SELECT country, category, count(*) AS category_count FROM placed
        WHERE country IS NOT NULL AND category IS NOT NULL GROUP BY 1, 2
        QUALIFY category_count = max(category_count) OVER (PARTITION BY country) ORDER BY ALL""",
    "posts_by_category_and_year": """SELECT post_year, category, count(*) AS category_count FROM placed
        WHERE post_year BETWEEN 2018 AND 2022 AND category IS NOT NULL GROUP BY ALL ORDER BY ALL""",
    "top_poster_by_country": "SELECT * FROM top_posters ORDER BY ALL",
    "top_country_by_followers": "SELECT country, follower_count FROM top_posters ORDER BY 2 DESC, 1 LIMIT 1",
    "popular_category_by_age_group": """SELECT age_group, category, category_count FROM (
            SELECT age_number, age_group, category, count(*) AS category_count FROM joined
            WHERE age_group IS NOT NULL AND category IS NOT NULL GROUP BY 1, 2, 3
            QUALIFY category_count = max(category_count) OVER (PARTITION BY age_group))
        ORDER BY age_number, category""",
    "median_followers_by_age_group": """SELECT age_group, median(follower_count) AS median_follower_count FROM joined
        WHERE age_group IS NOT NULL AND follower_count IS NOT NULL
        GROUP BY age_group, age_number ORDER BY age_number""",
    "users_joined_by_year": """SELECT year(date_joined) AS join_year, count(*) AS number_users_joined FROM (
            SELECT DISTINCT user_name, age, date_joined FROM narrow_user)
        WHERE join_year BETWEEN 2015 AND 2020 GROUP BY ALL ORDER BY ALL""",
    "median_followers_by_join_year": f"""SELECT join_year, median(follower_count) AS median_follower_count FROM joined
        WHERE {_JOINED_WITHIN} GROUP BY join_year ORDER BY join_year""",
    "median_followers_by_join_year_and_age_group": f"""SELECT
        age_group, join_year, median(follower_count) AS median_follower_count FROM joined
        WHERE {_JOINED_WITHIN} AND age_group IS NOT NULL GROUP BY age_group, age_number, join_year
        ORDER BY age_number, join_year""",
}


def build(folder: Path, objects: Mapping[str, Sequence[str]]) -> None:
    """Build the tables and reports from nothing, as Parquet files of a new folder.

    Args:
        folder: the folder to create.
        objects: by entity, the landed objects.
    """
    folder.mkdir(parents=True)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        db.execute(_MACROS)
        for entity in ENTITIES:
            _clean(db, entity, folder / f"{entity}.parquet", objects[entity.name])
        db.execute(_JOINS)
        for key, query in REPORTS.items():
            db.execute(f"COPY ({query}) TO '{folder / key}.parquet'")


def _clean(db: duckdb.DuckDBPyConnection, entity: Entity, path: Path, objects: Sequence[str]) -> None:
    """Clean the newest row of each key (rule C10) into a file, and keep the columns of the reports."""
    types = _ENVELOPE | dict.fromkeys(entity.field_names, "VARCHAR")
    db.execute(
        f"""CREATE TEMP TABLE staged AS
        SELECT TRY_CAST("{entity.key_field}" AS BIGINT) AS ind, {_COLUMNS[entity]}, _timestamp, _partition, _offset
        FROM read_json({list(objects)}, columns = {types}, format = 'newline_delimited') WHERE ind IS NOT NULL"""
    )
    newest = """SELECT arg_max(rowid, (_timestamp, _partition, _offset)) AS newest FROM staged GROUP BY ind"""
    db.execute(f"CREATE TEMP TABLE newest AS {newest}")
    db.execute(f"COPY (SELECT * FROM staged SEMI JOIN newest ON staged.rowid = newest.newest) TO '{path}'")
    db.execute(f"CREATE TEMP TABLE narrow_{entity} AS SELECT {_NARROW[entity]} FROM '{path}'")
    db.execute("DROP TABLE staged; DROP TABLE newest")
