"""The generator reproduces the measured distributions from a seed (rules S3 to S9)."""

import re
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.source_db.countries import COUNTRIES
from emulators.source_db.generator import BLOCK_ROWS, generate
from emulators.source_db.pins import CATEGORIES

Rows = dict[str, list[dict[str, Any]]]

SENTINELS = {
    "title": "No Title Data Available",
    "poster_name": "User Info Error",
    "follower_count": "User Info Error",
    "tag_list": "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",
    "image_src": "Image src error.",
}


def tables(rows: int, seed: int) -> Rows:
    rows_by_entity: Rows = {"pin": [], "geo": [], "user": []}
    for chunk in generate(rows, seed):
        for entity, part in chunk.items():
            rows_by_entity[entity].extend(map(dict, part))
    return rows_by_entity


@pytest.fixture(scope="module", params=[100, 7])
def sample(request: pytest.FixtureRequest) -> Rows:
    return tables(11_154, request.param)


def share(rows: list[dict[str, Any]], column: str, matches: Any) -> float:
    return sum(bool(matches(row[column])) for row in rows) / len(rows)


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(1, 300), seed=st.integers(0, 2**40))
def test_the_same_rows_and_seed_give_the_same_content_joined_by_index(rows: int, seed: int) -> None:
    first = tables(rows, seed)
    assert first == tables(rows, seed)
    assert [row["index"] for row in first["pin"]] == list(range(rows))
    assert [row["ind"] for row in first["geo"]] == [row["ind"] for row in first["user"]] == list(range(rows))


def test_another_seed_gives_other_content() -> None:
    first, second = tables(50, 1), tables(50, 2)
    for entity in first:
        assert first[entity] != second[entity]


def test_a_row_does_not_depend_on_the_size_of_the_table_except_for_its_category() -> None:
    small, large = tables(10, 3), tables(BLOCK_ROWS + 10, 3)
    assert small["geo"] == large["geo"][:10]
    assert small["user"] == large["user"][:10]
    for few, many in zip(small["pin"], large["pin"], strict=False):
        for column in ("unique_id", "poster_name", "follower_count", "is_image_or_video", "image_src", "downloaded"):
            assert few[column] == many[column]


def test_blocks_differ_from_each_other() -> None:
    pins = tables(2 * BLOCK_ROWS, 3)["pin"]
    assert len({pin["unique_id"] for pin in pins}) == len(pins)


@pytest.mark.parametrize(
    ("column", "frequency"),
    [("title", 0.01), ("poster_name", 0.01), ("follower_count", 0.01), ("tag_list", 0.015), ("image_src", 0.024)],
)
def test_sentinels_are_as_frequent_as_measured(sample: Rows, column: str, frequency: float) -> None:
    assert share(sample["pin"], column, SENTINELS[column].__eq__) == pytest.approx(frequency, rel=0.35)


def test_descriptions_are_as_measured(sample: Rows) -> None:
    pins = sample["pin"]
    assert share(pins, "description", "No description available Story format".__eq__) == pytest.approx(0.08, rel=0.15)
    assert share(pins, "description", "No description available".__eq__) == pytest.approx(0.02, rel=0.3)
    assert share(pins, "description", lambda text: text.endswith("…\u00a0")) == pytest.approx(0.36, rel=0.1)
    assert max(len(pin["description"]) for pin in pins) <= 180


def test_sentinels_occur_together_as_measured(sample: Rows) -> None:
    for pin in sample["pin"]:
        missing = {column for column, sentinel in SENTINELS.items() if pin[column] == sentinel}
        together = {"title", "poster_name", "follower_count"}
        assert together <= missing or not together & missing
        assert (pin["downloaded"] == 0) == ("image_src" in missing)


def test_follower_counts_have_the_measured_forms(sample: Rows) -> None:
    counts = [pin["follower_count"] for pin in sample["pin"]]
    forms = Counter(re.sub("[0-9]+", "n", count) for count in counts)
    assert set(forms) == {"nk", "n", "nM", "User Info Error"}
    assert forms["nk"] / len(counts) == pytest.approx(0.74, abs=0.02)
    assert forms["n"] / len(counts) == pytest.approx(0.17, abs=0.02)
    assert forms["nM"] / len(counts) == pytest.approx(0.08, abs=0.01)
    assert {int(count[:-1]) for count in counts if count.endswith("k")} <= set(range(1, 992))
    assert {int(count[:-1]) for count in counts if count.endswith("M")} <= set(range(1, 16))
    assert {int(count) for count in counts if count.isdigit()} <= set(range(999))


def test_a_poster_has_the_same_followers_everywhere(sample: Rows) -> None:
    pairs = {(pin["poster_name"], pin["follower_count"]) for pin in sample["pin"]}
    assert len(pairs) == len({name for name, _ in pairs}) > 1000


def test_categories_form_alphabetical_blocks(sample: Rows) -> None:
    blocks = [pin["category"] for pin in sample["pin"]]
    assert tuple(dict.fromkeys(blocks)) == CATEGORIES == tuple(sorted(CATEGORIES))
    assert blocks == sorted(blocks)
    assert all(pin["save_location"] == f"Local save in /data/{pin['category']}" for pin in sample["pin"])


def test_titles_contain_difficult_characters(sample: Rows) -> None:
    titles = [pin["title"] for pin in sample["pin"]]
    for what in ("\n", '"', "  "):
        assert any(what in title for title in titles), what
    assert "Untitled" in titles
    assert "" in titles
    assert any(ord(letter) > 0xFFFF for title in titles for letter in title)
    assert any(title != title.strip() for title in titles)
    assert 150 < max(map(len, titles)) <= 199
    assert share(sample["pin"], "poster_name", lambda name: name != name.strip()) == pytest.approx(0.02, rel=0.5)


def test_kinds_tags_and_ids_are_as_measured(sample: Rows) -> None:
    pins = sample["pin"]
    assert share(pins, "is_image_or_video", "image".__eq__) == pytest.approx(0.89, abs=0.02)
    assert share(pins, "is_image_or_video", "video".__eq__) == pytest.approx(0.03, abs=0.01)
    assert share(pins, "is_image_or_video", "multi-video(story page format)".__eq__) == pytest.approx(0.08, abs=0.01)
    tags = [pin["tag_list"].split(",") for pin in pins if pin["tag_list"] != SENTINELS["tag_list"]]
    assert sum(map(len, tags)) / len(tags) == pytest.approx(9, abs=0.5)
    assert all(len(set(some)) == len(some) for some in tags)
    assert all(str(UUID(pin["unique_id"])) == pin["unique_id"] for pin in pins)


def test_places_and_times_of_posts_are_as_measured(sample: Rows) -> None:
    geo = sample["geo"]
    countries = Counter(row["country"] for row in geo)
    assert len(COUNTRIES) == 242
    assert set(countries) <= set(COUNTRIES)
    assert {name for name, _ in countries.most_common(3)} <= {"Albania", "Algeria", "Afghanistan", "Aruba"}
    assert all(datetime(2017, 10, 1) <= row["timestamp"] < datetime(2022, 11, 1) for row in geo)
    assert all(row["timestamp"].microsecond == 0 for row in geo)
    assert all(-90 <= row["latitude"] <= 90 and -180 <= row["longitude"] <= 180 for row in geo)
    assert all(len(re.sub("[-.]", "", str(row["longitude"])).lstrip("0")) <= 6 for row in geo)
    assert Counter(row["latitude"] for row in geo).most_common(1)[0][1] > 100


def test_users_are_as_measured(sample: Rows) -> None:
    users = sample["user"]
    for first, last, expected in ((18, 24, 0.45), (25, 35, 0.27), (36, 50, 0.19), (51, 130, 0.09)):
        assert share(users, "age", lambda age, a=first, b=last: a <= age <= b) == pytest.approx(expected, abs=0.05)
    assert {user["age"] for user in users} <= set(range(20, 61))
    assert all(datetime(2015, 10, 1) <= user["date_joined"] < datetime(2017, 11, 1) for user in users)
    assert all((user["first_name"] + user["last_name"]).isascii() for user in users)
    persons = Counter((user["first_name"], user["last_name"], user["age"], user["date_joined"]) for user in users)
    assert 150 < persons.most_common(1)[0][1] < 600
