"""The expected cleaned tables and reports in plain SQL (DuckDB), written from rules S4, C1 to C21 and R1 to R19.

Python's json splits raw lines and keeps number tokens as their text; every rule is SQL. Times are microseconds
since the epoch. Nothing here imports the code under test.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.func import SPECIAL
from duckdb.sqltypes import BIGINT, VARCHAR

FIELDS = {
    "pin": [
        "index", "unique_id", "title", "description", "poster_name", "follower_count", "tag_list",
        "is_image_or_video", "image_src", "downloaded", "save_location", "category",
    ],
    "geo": ["ind", "timestamp", "latitude", "longitude", "country"],
    "user": ["ind", "first_name", "last_name", "age", "date_joined"],
}  # fmt: skip

MACROS = r"""
CREATE MACRO bare(x) AS trim(x, chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(32) || chr(160));
CREATE MACRO filled(x) AS nullif(bare(x), '');
CREATE MACRO without_commas(x) AS replace(x, ',', '');
CREATE MACRO multiplier(x) AS
    CASE lower(right(x, 1)) WHEN 'k' THEN 1000 WHEN 'm' THEN 1000000 WHEN 'b' THEN 1000000000 ELSE 1 END;
CREATE MACRO integer_digits(x) AS ltrim(regexp_extract(without_commas(x), '^[0-9]+'), '0');
CREATE MACRO ten_decimals(x) AS left(regexp_extract(without_commas(x), '\.([0-9]+)', 1) || '0000000000', 10);
CREATE MACRO tenths_of_billionths(x) AS CAST(('0' || integer_digits(x) || ten_decimals(x)) AS HUGEINT);
CREATE MACRO count_of(x) AS
    CASE WHEN regexp_full_match(x, '([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?[kKmMbB]?')
        AND length(integer_digits(x)) <= 19
    THEN TRY_CAST(
        (tenths_of_billionths(x) * multiplier(x) + 5000000000::HUGEINT) // 10000000000::HUGEINT AS BIGINT) END;
CREATE MACRO degree(x, most) AS
    CASE WHEN regexp_full_match(x, '[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?')
    AND abs(TRY_CAST(x AS DOUBLE)) <= most THEN TRY_CAST(x AS DOUBLE) END;
CREATE MACRO time_parts(x) AS regexp_extract(x,
    '^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]+))?)?' ||
    '(?:(Z)|([+-])([01][0-9]):([0-5][0-9]))?)?$',
    ['day', 'hour', 'minute', 'second', 'fraction', 'zulu', 'sign', 'zone_hour', 'zone_minute']);
CREATE MACRO number(x) AS CAST('0' || x AS BIGINT);
CREATE MACRO offset_minutes(p) AS
    (CASE p.sign WHEN '-' THEN -1 ELSE 1 END) * (number(p.zone_hour) * 60 + number(p.zone_minute));
CREATE MACRO instant_of(p) AS
    CASE WHEN p.day <> '' AND abs(offset_minutes(p)) <= 18 * 60 THEN
        (date_diff('day', DATE '1970-01-01', TRY_CAST(p.day AS DATE)) * 86400
         + number(p.hour) * 3600 + (number(p.minute) - offset_minutes(p)) * 60 + number(p.second)) * 1000000
        + number(left(p.fraction || '000000', 6)) END;
CREATE MACRO instant(x) AS
    CASE WHEN instant_of(time_parts(x)) BETWEEN -62135596800000000 AND 253402300799999999
    THEN instant_of(time_parts(x)) END;
CREATE MACRO year_of(us) AS year(make_timestamp(us));
"""

ACCEPTED = """
CREATE TABLE accepted_{entity} AS
SELECT *, whole(bare("{key}")) AS key FROM raw_{entity}
WHERE NOT twice AND nested = '' AND NOT starts_with(bare("{key}"), '+') AND whole(bare("{key}")) IS NOT NULL;
CREATE TABLE newest_{entity} AS
SELECT * FROM accepted_{entity}
QUALIFY row_number() OVER (PARTITION BY key ORDER BY arrived DESC, "partition" DESC, "offset" DESC) = 1;
"""

VALUES = {
    "pin": """
        filled(unique_id) AS unique_id,
        nullif(filled(title), 'No Title Data Available') AS title,
        nullif(nullif(filled(description), 'No description available Story format'), 'No description available')
            AS description,
        count_of(filled(follower_count)) AS follower_count,
        nullif(filled(poster_name), 'User Info Error') AS poster_name,
        nullif(filled(tag_list), 'N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e') AS tag_list,
        filled(is_image_or_video) AS is_image_or_video,
        nullif(nullif(filled(image_src), 'Image src error.'), 'Image src error') AS image_src,
        filled(CASE WHEN starts_with(bare(save_location), 'Local save in ')
            THEN right(bare(save_location), -14) ELSE save_location END) AS save_location,
        filled(category) AS category,
        CAST(filled(follower_count) <> 'User Info Error' AND count_of(filled(follower_count)) IS NULL AS INT)
            AS bad_follower_count""",
    "geo": """
        filled(country) AS country,
        CASE WHEN degree(filled(latitude), 90) IS NOT NULL AND degree(filled(longitude), 180) IS NOT NULL
            THEN [degree(filled(latitude), 90), degree(filled(longitude), 180)] END AS coordinates,
        instant(filled("timestamp")) AS "timestamp",
        CAST(filled(latitude) IS NOT NULL AND degree(filled(latitude), 90) IS NULL AS INT) AS bad_latitude,
        CAST(filled(longitude) IS NOT NULL AND degree(filled(longitude), 180) IS NULL AS INT) AS bad_longitude,
        CAST(filled("timestamp") IS NOT NULL AND instant(filled("timestamp")) IS NULL AS INT) AS bad_timestamp""",
    "user": """
        nullif(concat_ws(' ', filled(first_name), filled(last_name)), '') AS user_name,
        CASE WHEN whole(filled(age)) BETWEEN 0 AND 130 THEN whole(filled(age)) END AS age,
        instant(filled(date_joined)) AS date_joined,
        CAST(filled(age) IS NOT NULL AND coalesce(whole(filled(age)) NOT BETWEEN 0 AND 130, true) AS INT) AS bad_age,
        CAST(filled(date_joined) IS NOT NULL AND instant(filled(date_joined)) IS NULL AS INT) AS bad_date_joined""",
}

VIEWS = """
CREATE VIEW placed AS SELECT * FROM cleaned_pin JOIN cleaned_geo USING (ind);
CREATE VIEW grouped AS
SELECT *, CASE WHEN age BETWEEN 18 AND 24 THEN 1 WHEN age BETWEEN 25 AND 35 THEN 2 WHEN age BETWEEN 36 AND 50 THEN 3
    WHEN age > 50 THEN 4 END AS g, year_of(date_joined) AS joined
FROM cleaned_pin JOIN cleaned_user USING (ind);
CREATE MACRO group_name(g) AS ['18-24', '25-35', '36-50', '+50'][g];
"""

REPORTS = {
    "popular_category_by_country": """
        SELECT country, category, count(*) AS n FROM placed WHERE country IS NOT NULL AND category IS NOT NULL
        GROUP BY country, category QUALIFY n = max(n) OVER (PARTITION BY country) ORDER BY 1, 2""",
    "posts_by_category_and_year": """
        SELECT year_of("timestamp") AS y, category, count(*) FROM placed
        WHERE y BETWEEN 2018 AND 2022 AND category IS NOT NULL GROUP BY ALL ORDER BY 1, 2""",
    "top_poster_by_country": """
        SELECT DISTINCT country, poster_name, follower_count FROM placed p
        WHERE country IS NOT NULL AND poster_name IS NOT NULL AND follower_count = (
            SELECT max(q.follower_count) FROM placed q WHERE q.country = p.country AND q.poster_name IS NOT NULL)
        ORDER BY 1, 2""",
    "top_country_by_followers": """
        SELECT country, follower_count FROM placed
        WHERE country IS NOT NULL AND poster_name IS NOT NULL AND follower_count IS NOT NULL
        ORDER BY 2 DESC, 1 LIMIT 1""",
    "popular_category_by_age_group": """
        SELECT group_name(g), category, n FROM (
            SELECT g, category, count(*) AS n FROM grouped WHERE g IS NOT NULL AND category IS NOT NULL
            GROUP BY g, category QUALIFY n = max(n) OVER (PARTITION BY g)) ORDER BY g, 2""",
    "median_followers_by_age_group": """
        SELECT group_name(g), median(follower_count::DOUBLE) FROM grouped
        WHERE g IS NOT NULL AND follower_count IS NOT NULL GROUP BY g ORDER BY g""",
    "users_joined_by_year": """
        SELECT year_of(date_joined) AS y, count(*) FROM (SELECT DISTINCT user_name, age, date_joined FROM cleaned_user)
        WHERE y BETWEEN 2015 AND 2020 GROUP BY 1 ORDER BY 1""",
    "median_followers_by_join_year": """
        SELECT joined, median(follower_count::DOUBLE) FROM grouped
        WHERE joined BETWEEN 2015 AND 2020 AND follower_count IS NOT NULL GROUP BY 1 ORDER BY 1""",
    "median_followers_by_join_year_and_age_group": """
        SELECT group_name(g), joined, median(follower_count::DOUBLE) FROM grouped
        WHERE g IS NOT NULL AND joined BETWEEN 2015 AND 2020 AND follower_count IS NOT NULL
        GROUP BY g, joined ORDER BY g, joined""",
}


class Oracle:
    """The expected tables for raw lines as landing writes them.

    Args:
        lines: entity to its raw lines, in any order.
    """

    def __init__(self, lines: dict[str, Iterable[bytes]]) -> None:
        self._db = duckdb.connect()
        self._db.execute("SET TimeZone = 'UTC'")
        self._db.create_function("whole", _whole, [VARCHAR], BIGINT, null_handling=SPECIAL)
        self._db.execute(MACROS)
        for entity in FIELDS:
            self._load(entity, lines.get(entity, ()))
            self._db.execute(ACCEPTED.format(entity=entity, key=FIELDS[entity][0]))
            select = f'SELECT key AS ind, {VALUES[entity]}, "partition", "offset", arrived'
            self._db.execute(f"CREATE TABLE every_{entity} AS {select} FROM accepted_{entity}")
            self._db.execute(f"CREATE TABLE cleaned_{entity} AS {select} FROM newest_{entity}")
        self._db.execute(VIEWS)

    def cleaned(self, entity: str) -> list[tuple[Any, ...]]:
        """Business columns, then (partition, offset, arrival in microseconds), by key."""
        columns = f"* EXCLUDE ({', '.join(self._bad(entity))})"
        return self._db.execute(f"SELECT {columns} FROM cleaned_{entity} ORDER BY ind").fetchall()

    def report(self, key: str) -> list[tuple[Any, ...]]:
        """A report's rows, in order."""
        return self._db.execute(REPORTS[key]).fetchall()

    def unreadable(self, entity: str) -> dict[str, int]:
        """Field to the number of accepted records in which it could not be read."""
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in self._bad(entity))
        counts = self._db.execute(f"SELECT {sums} FROM every_{entity}").fetchone()
        assert counts is not None
        return {name.removeprefix("bad_"): int(n) for name, n in zip(self._bad(entity), counts, strict=True)}

    def rejected(self, entity: str) -> set[tuple[int, int]]:
        """(partition, offset) of every record that cleaning must reject."""
        query = (
            f'SELECT "partition", "offset" FROM raw_{entity} EXCEPT SELECT "partition", "offset" FROM accepted_{entity}'
        )
        return set(self._db.execute(query).fetchall())

    def _bad(self, entity: str) -> list[str]:
        columns = self._db.execute(f"SELECT column_name FROM (DESCRIBE every_{entity})").fetchall()
        return [name for (name,) in columns if name.startswith("bad_")]

    def _load(self, entity: str, lines: Iterable[bytes]) -> None:
        names = [*FIELDS[entity], "partition", "offset", "arrived", "twice", "nested"]
        kinds = [*[pa.string()] * len(FIELDS[entity]), pa.int64(), pa.int64(), pa.int64(), pa.bool_(), pa.string()]
        rows = [_flat(line, FIELDS[entity]) for line in lines]
        columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(kinds)]
        table = pa.table(dict(zip(names, columns, strict=True)))
        self._db.register("loaded", table)
        self._db.execute(f"CREATE TABLE raw_{entity} AS SELECT * FROM loaded")
        self._db.unregister("loaded")


def _whole(text: str | None) -> int | None:
    """Return the integer that a number of integral value is, if it fits a long (rule C4)."""
    if text is None or not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text, re.ASCII):
        return None
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    number, power = int(whole + fraction), int(exponent or 0) - len(fraction)
    if number == 0:
        return 0
    while number % 10 == 0:
        number, power = number // 10, power + 1
    if not 0 <= power < 20:
        return None
    value = number * 10**power
    return value if -(2**63) <= value < 2**63 else None


def _flat(line: bytes, fields: list[str]) -> list[Any]:
    pairs: list[tuple[str, Any]] = json.loads(
        _emptied(line), object_pairs_hook=lambda values: values, parse_int=str, parse_float=str, parse_constant=str
    )
    values = dict(pairs)
    names = [name for name, _ in pairs]
    # An object comes as a list of pairs, an array as a list.
    nested = ",".join(name for name in fields if isinstance(values.get(name), list))
    place = [int(values["_partition"]), int(values["_offset"]), int(values["_timestamp"]) * 1000]
    return [*(_text(values.get(name)) for name in fields), *place, len(set(names)) < len(names), nested]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, list):
        return None
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def _emptied(line: bytes) -> bytes:
    """Return a line of which every object and array in the record is empty, so that no depth exhausts the stack."""
    emptied, depth = bytearray(), 0
    for token in re.findall(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^"{}\[\]]+', line):
        depth -= token in (b"}", b"]")
        if depth < 2:
            emptied += token
        depth += token in (b"{", b"[")
    return bytes(emptied)
