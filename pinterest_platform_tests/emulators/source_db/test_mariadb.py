"""MariaDB behaves as SQLite does."""

import json

from sqlalchemy import Engine, create_engine, insert, inspect, select, text

from emulators.posting.source import PostSource
from emulators.source_db.database import open_engine, replace_contents
from emulators.source_db.generator import generate
from emulators.source_db.tables import METADATA, PIN, TABLES


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            entity: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for entity, table in TABLES.items()
        }


def test_mariadb_holds_exactly_what_sqlite_holds(mariadb: str) -> None:
    engine, other = open_engine(mariadb), create_engine("sqlite://")
    replace_contents(engine, generate(5000, 11))
    assert replace_contents(engine, generate(4200, 12)) == {table.name: 4200 for table in TABLES.values()}
    replace_contents(other, generate(4200, 12))
    assert contents(engine) == contents(other)
    engine.dispose()


def test_posts_from_mariadb_equal_posts_from_sqlite(mariadb: str) -> None:
    engine, other = open_engine(mariadb), create_engine("sqlite://")
    for database_engine in (engine, other):
        replace_contents(database_engine, generate(2500, 13))
    assert list(PostSource(engine).every_post()) == list(PostSource(other).every_post())
    assert list(PostSource(engine).random_posts(1, 1500)) == list(PostSource(other).random_posts(1, 1500))
    engine.dispose()


def test_texts_of_a_mebibyte_and_fractions_of_seconds_survive(mariadb: str) -> None:
    engine = open_engine(mariadb)
    title = "\N{SPARKLES}\u00a0" * (2**20 // 5)
    replace_contents(engine, generate(1, 1))
    with engine.begin() as connection:
        connection.execute(insert(PIN), [{"index": 7, "title": title}])
        connection.execute(text("INSERT INTO geolocation_data (ind, timestamp) VALUES (7, '2021-07-26 03:32:26.25')"))
    (page,) = PostSource(engine).every_post()
    assert page[1].key == 7
    assert json.loads(page[1].rows["pin"])["title"] == title
    assert json.loads(page[1].rows["geo"])["timestamp"] == "2021-07-26T03:32:26.250000"
    METADATA.drop_all(engine)
    assert not inspect(engine).get_table_names()
    engine.dispose()


def test_a_foreign_database_is_posted_as_it_is(mariadb: str) -> None:
    engine = open_engine(mariadb)
    METADATA.drop_all(engine)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE pinterest_data (`index` DECIMAL(12,0), extra VARBINARY(9), price DECIMAL(8,3))")
        )
        connection.execute(
            text("INSERT INTO pinterest_data VALUES (2, 'caf\u00e9', 1.500), (NULL, 'lost', 1), (1, NULL, NULL)")
        )
        connection.execute(
            text("CREATE TABLE geolocation_data (ind BIGINT UNSIGNED, visited DATE, latitude DECIMAL(9,6))")
        )
        connection.execute(text("INSERT INTO geolocation_data VALUES (1, '2020-02-29', -12.100000)"))
        connection.execute(text("CREATE TABLE user_data (ind INT, kinds SET('a', 'b'), took TIME)"))
        connection.execute(text("INSERT INTO user_data VALUES (1, 'b,a', '01:00:01')"))
    (page,) = PostSource(engine).every_post()
    assert [post.key for post in page] == [1, 2]
    assert page[0].rows["geo"] == b'{"ind":1,"visited":"2020-02-29","latitude":-12.100000}'
    assert json.loads(page[0].rows["user"])["took"] == "01:00:01"
    assert page[1].rows["pin"] == '{"index":2,"extra":"café","price":1.500}'.encode()
    with engine.begin() as connection:
        for table in TABLES.values():
            connection.execute(text(f"DROP TABLE {table.name}"))
    engine.dispose()
