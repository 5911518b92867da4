"""Posts are joined by index and read in pages, each row once or at random with repeats."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, delete, insert, text

from emulators.failures import EmulatorFailure
from emulators.posting.source import PAGE_ROWS, Post, PostSource
from emulators.source_db.database import replace_contents
from emulators.source_db.generator import generate
from emulators.source_db.tables import GEO, METADATA, PIN, USER


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


def fill(engine: Engine, pin: Any = (), geo: Any = (), user: Any = ()) -> None:
    with engine.begin() as connection:
        for table, key, keys in ((PIN, "index", pin), (GEO, "ind", geo), (USER, "ind", user)):
            if keys:
                connection.execute(insert(table), [{key: value} for value in keys])


def posts(engine: Engine) -> list[Post]:
    return [post for page in PostSource(engine).every_post() for post in page]


def entities_by_key(rows: list[Post]) -> dict[int, list[str]]:
    return {post.key: list(post.rows) for post in rows}


def test_every_row_comes_once_in_order_whatever_the_pages(engine: Engine) -> None:
    replace_contents(engine, generate(2 * PAGE_ROWS + 1, 3))
    pages = list(PostSource(engine).every_post())
    assert max(map(len, pages)) <= PAGE_ROWS
    rows = [post for page in pages for post in page]
    assert [post.key for post in rows] == list(range(2 * PAGE_ROWS + 1))
    for post in rows:
        values = {entity: json.loads(row) for entity, row in post.rows.items()}
        assert values["pin"]["index"] == values["geo"]["ind"] == values["user"]["ind"] == post.key
        assert list(values) == ["pin", "geo", "user"]


def test_times_are_posted_as_iso_text_with_a_t(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO geolocation_data (ind, timestamp) VALUES (1, '2021-07-26 03:32:26.000000')")
        )
    assert (
        posts(engine)[0].rows["geo"]
        == b'{"ind":1,"timestamp":"2021-07-26T03:32:26","latitude":null,"longitude":null,"country":null}'
    )


def test_an_index_is_posted_with_the_rows_that_exist(engine: Engine) -> None:
    fill(engine, pin=[1, 5], geo=[2, 5], user=[-3, 5, 9])
    assert entities_by_key(posts(engine)) == {
        -3: ["user"],
        1: ["pin"],
        2: ["geo"],
        5: ["pin", "geo", "user"],
        9: ["user"],
    }


def test_pages_end_when_the_densest_table_fills_one(engine: Engine) -> None:
    fill(engine, pin=range(0, 10 * PAGE_ROWS, 10), geo=range(3 * PAGE_ROWS), user=[10 * PAGE_ROWS])
    pages = list(PostSource(engine).every_post())
    rows = [post for page in pages for post in page]
    assert (
        len(rows) == len({post.key for post in rows}) == len({*range(0, 10 * PAGE_ROWS, 10), *range(3 * PAGE_ROWS)}) + 1
    )
    assert max(map(len, pages)) <= 3 * PAGE_ROWS


def test_rows_that_share_an_index_are_all_posted_and_those_without_one_are_not() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text('CREATE TABLE pinterest_data ("index" BIGINT, title TEXT)'))
        connection.execute(text("CREATE TABLE geolocation_data (ind BIGINT)"))
        connection.execute(text("CREATE TABLE user_data (ind BIGINT)"))
        connection.execute(text("INSERT INTO pinterest_data VALUES (4, 'a'), (4, 'b'), (NULL, 'c')"))
        connection.execute(text("INSERT INTO user_data VALUES (4)"))
    rows = posts(engine)
    assert sorted(post.rows["pin"] for post in rows) == [b'{"index":4,"title":"a"}', b'{"index":4,"title":"b"}']
    assert [list(post.rows) for post in rows] == [["pin", "user"], ["pin"]]


def test_random_posts_repeat_and_are_the_same_for_the_same_seed(engine: Engine) -> None:
    replace_contents(engine, generate(200, 3))
    source = PostSource(engine)
    drawn = [[post for page in source.random_posts(seed, 1500) for post in page] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 1500
    assert len({post.key for post in drawn[0]}) > 190
    every = {post.key: post for post in posts(engine)}
    assert all(post == every[post.key] for post in drawn[0])


def test_the_size_of_pages_does_not_change_what_is_drawn(engine: Engine) -> None:
    replace_contents(engine, generate(50, 3))
    source = PostSource(engine)
    by_size = [[post for page in source.random_posts(5, 100, size) for post in page] for size in (7, 100)]
    assert by_size[0] == by_size[1]


def test_random_posts_without_count_do_not_end_and_draw_from_sparse_indexes(engine: Engine) -> None:
    fill(engine, pin=[3, 900, 10_000], geo=[3, 900], user=[3])
    drawn = list(itertools.islice(PostSource(engine).random_posts(1, None, 20), 10))
    assert {post.key for page in drawn for post in page} == {3, 900, 10_000}
    assert all(len(page) == 20 for page in drawn)


def test_rows_deleted_meanwhile_are_skipped(engine: Engine) -> None:
    fill(engine, pin=[1, 2])
    pages = PostSource(engine).random_posts(1, None, 20)
    next(pages)
    with engine.begin() as connection:
        connection.execute(delete(PIN).where(PIN.c["index"] == 1))
    assert {post.key for post in next(pages)} == {2}


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DELETE FROM pinterest_data", "holds no rows"),
        ("DROP TABLE user_data", "has no table user_data"),
        ("ALTER TABLE geolocation_data RENAME COLUMN ind TO id", "has no integer column ind"),
        ("UPDATE pinterest_data SET title = x'80' WHERE \"index\" = 1", ""),
    ],
)
def test_missing_tables_and_columns_are_named_with_the_next_step(
    engine: Engine, statement: str, complaint: str
) -> None:
    fill(engine, pin=[1])
    with engine.begin() as connection:
        connection.execute(text(statement))
    if complaint:
        with pytest.raises(EmulatorFailure, match=complaint):
            PostSource(engine)
    else:
        assert json.loads(posts(engine)[0].rows["pin"])["title"] == "gA=="


def test_the_empty_database_of_a_home_is_to_be_seeded(engine: Engine) -> None:
    with pytest.raises(EmulatorFailure, match=r"holds no rows\. Fill it: \.venv/bin/python -m emulators seed\.$"):
        PostSource(engine)


def test_a_key_that_is_no_integer_is_named() -> None:
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE pinterest_data"))
        connection.execute(text('CREATE TABLE pinterest_data ("index" NUMERIC)'))
        connection.execute(text("INSERT INTO pinterest_data VALUES (1.5)"))
    with pytest.raises(EmulatorFailure, match=r"1\.5.*not an integer"):
        posts(engine)


def test_growing_posts_are_new_changed_and_repeated_rows_as_the_tables_hold_them(engine: Engine) -> None:
    replace_contents(engine, generate(100, 3))
    before = {post.key: post for post in posts(engine)}
    drawn = list(itertools.chain.from_iterable(itertools.islice(PostSource(engine).growing_posts(1, 10), 20)))
    after = {post.key: post for post in posts(engine)}
    assert {post.key for post in drawn} <= after.keys()
    added = [post for post in drawn if post.key >= 100]
    assert {post.key for post in added} == after.keys() - before.keys() == set(range(100, len(after)))
    changed = {key for key in before if after[key] != before[key]}
    assert changed <= {post.key for post in drawn}
    assert 30 <= len(after) - 100 <= 70
    assert 25 <= len(changed) <= 50
    assert {post.key: post for post in drawn} == {post.key: after[post.key] for post in drawn}
    assert all(list(post.rows) == ["pin", "geo", "user"] for post in added)
    pins = [json.loads(post.rows["pin"]) for post in after.values()]
    assert len({pin["unique_id"] for pin in pins}) == len(pins)
    for key in changed:
        old, new = (json.loads(rows[key].rows["pin"]) for rows in (before, after))
        assert {name for name in old if old[name] != new[name]} == {"follower_count"}


def test_growth_goes_on_with_other_rows_in_the_next_run(engine: Engine) -> None:
    replace_contents(engine, generate(10, 3))
    for _ in range(2):
        list(itertools.islice(PostSource(engine).growing_posts(1, 10), 5))
    pins = [json.loads(post.rows["pin"]) for post in posts(engine)]
    assert len({pin["unique_id"] for pin in pins}) == len(pins) > 20


def test_followers_that_are_no_number_stay_as_they_are(engine: Engine) -> None:
    with engine.begin() as connection:
        values = (None, "User Info Error", "", "9")
        connection.execute(insert(PIN), [{"index": key, "follower_count": text} for key, text in enumerate(values)])
    list(itertools.islice(PostSource(engine).growing_posts(1, 10), 20))
    counts = [json.loads(post.rows["pin"])["follower_count"] for post in posts(engine)]
    assert counts[:3] == [None, "User Info Error", ""]
    assert int(counts[3]) > 9
