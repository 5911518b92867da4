"""Files are loaded unchanged or not at all."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from emulators.failures import EmulatorFailure
from emulators.source_db.database import replace_contents
from emulators.source_db.loader import read_folder
from emulators.source_db.tables import GEO, PIN, TABLES

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "real"

GOOD: dict[str, list[str]] = {
    "pin": ['{"index": 1, "title": " two  blanks\\u00a0"}', '{"index": 2}'],
    "geo": ['{"ind": 1, "timestamp": "2021-07-26 03:32:26", "latitude": 1, "longitude": null, "country": "Oman"}'],
    "user": ['{"ind": 1, "age": 20, "date_joined": "2015-10-21T00:00:00"}'],
}


def folder_of(root: Path, **lines: list[str]) -> Path:
    for entity, text in (GOOD | lines).items():
        (root / f"{entity}.jsonl").write_bytes("".join(f"{line}\n" for line in text).encode("utf-8", "surrogateescape"))
    return root


def loaded(folder: Path) -> dict[str, list[dict[str, Any]]]:
    rows_by_entity: dict[str, list[dict[str, Any]]] = {entity: [] for entity in TABLES}
    for chunk in read_folder(folder):
        for entity, rows in chunk.items():
            rows_by_entity[entity].extend(map(dict, rows))
    return rows_by_entity


def test_values_are_unchanged_and_missing_fields_are_null(tmp_path: Path) -> None:
    rows = loaded(folder_of(tmp_path))
    assert rows["pin"][0]["title"] == " two  blanks\u00a0"
    assert rows["pin"][1]["title"] is None
    assert rows["geo"][0] == {
        "ind": 1, "timestamp": datetime(2021, 7, 26, 3, 32, 26), "latitude": 1.0, "longitude": None, "country": "Oman",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("{}", "index is missing"),
        ('{"index": null}', "index is missing"),
        ('{"index": "3"}', "index is"),
        ('{"index": 3.0}', "index is"),
        ('{"index": true}', "index is"),
        ('{"index": 9223372036854775808}', "64 bits"),
        ('{"index": 1}', "is on line 1 already"),
        ('{"index": 3, "title": 5}', "title is 5, not a text"),
        ('{"index": 3, "downloaded": "1"}', "downloaded is"),
        ('{"index": 3, "colour": "red"}', "no column colour"),
        ('{"index": 3, "title": NaN}', "not JSON"),
        ('{"index": 3, "title": "\\ud800"}', "not JSON"),
        ('{"index": 3, "title": "\udcff"}', "not JSON"),
    ],
)
def test_a_malformed_line_is_named_with_its_file_and_its_fault(tmp_path: Path, line: str, complaint: str) -> None:
    folder = folder_of(tmp_path, pin=[*GOOD["pin"], "", line])
    with pytest.raises(EmulatorFailure, match=rf"pin\.jsonl, line 4: .*{complaint}"):
        loaded(folder)


@pytest.mark.parametrize(
    "time", ["2021-07-26", "2021-13-01T00:00:00", "2021-07-26T03:32:26Z", "2021-07-26T03:32:26+01:00", "yesterday", 5]
)
def test_an_invalid_time_or_one_with_a_zone_is_rejected(tmp_path: Path, time: Any) -> None:
    folder = folder_of(tmp_path, geo=[json.dumps({"ind": 1, "timestamp": time})])
    with pytest.raises(EmulatorFailure, match=r"geo\.jsonl, line 1: timestamp is .* not a time such as"):
        loaded(folder)


def test_a_folder_without_one_of_the_files_is_rejected(tmp_path: Path) -> None:
    (folder_of(tmp_path) / "geo.jsonl").unlink()
    with pytest.raises(EmulatorFailure, match=r"has no geo\.jsonl"):
        loaded(tmp_path)


def test_when_loading_fails_half_way_the_old_contents_are_kept(tmp_path: Path) -> None:
    engine = create_engine("sqlite://")
    replace_contents(engine, read_folder(folder_of(tmp_path)))
    with pytest.raises(EmulatorFailure):
        replace_contents(engine, read_folder(folder_of(tmp_path, pin=['{"index": 9}'], user=["oops"])))
    with engine.connect() as connection:
        assert connection.execute(select(PIN.c["index"]).order_by(PIN.c["index"])).scalars().all() == [1, 2]


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5),
    degrees=st.floats(allow_nan=False, allow_infinity=False),
    time=st.datetimes(min_value=datetime(1000, 1, 1)),
)
def test_any_text_number_and_time_survives_file_and_database(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], degrees: float, time: datetime
) -> None:
    folder = folder_of(
        tmp_path_factory.mktemp("jsonl"),
        pin=[json.dumps({"index": key, "title": text}) for key, text in enumerate(texts)],
        geo=[json.dumps({"ind": 5, "latitude": degrees, "timestamp": time.isoformat()})],
    )
    engine = create_engine("sqlite://")
    replace_contents(engine, read_folder(folder))
    with engine.connect() as connection:
        assert connection.execute(select(PIN.c.title).order_by(PIN.c["index"])).scalars().all() == texts
        assert connection.execute(select(GEO.c.latitude, GEO.c.timestamp)).one() == (degrees, time)
    engine.dispose()


@pytest.mark.skipif(not REAL.is_dir(), reason="the real rows are missing")
def test_real_rows_are_loaded_unchanged() -> None:
    engine = create_engine("sqlite://")
    replace_contents(engine, read_folder(REAL))
    with engine.connect() as connection:
        for entity, table in TABLES.items():
            stored = [
                {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
                for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            lines = (REAL / f"{entity}.jsonl").read_text().splitlines()
            expected = [json.loads(line) for line in lines if line]
            for row in expected:
                for name in ("timestamp", "date_joined"):
                    if name in row:
                        row[name] = row[name].replace(" ", "T")
            assert stored == expected
