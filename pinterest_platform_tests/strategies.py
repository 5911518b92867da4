"""Hypothesis strategies for posted records: ordinary values, sentinels, and values that break readers."""

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

BLANK = st.text("\t\n\x0b\x0c\r \u00a0", max_size=2)
TEXT = st.one_of(
    st.sampled_from(
        ["", "Untitled", "a  b", "naïve 🎨𝔘 \u2028x", '"quoted"\n\\line', "[looks, nested", "{", "0", "null"]
    ),
    st.text(max_size=8),
)
SENTINEL = st.sampled_from(
    [
        "No Title Data Available",
        "No description available Story format",
        "No description available",
        "User Info Error",
        "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",
        "Image src error.",
        "Image src error",
        "no title data available",
    ]
)
BARE = st.sampled_from([True, False, 7, -3, 1.5, 2**40])
"""Numbers and booleans instead of a text."""


def padded(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return the texts, some with blanks around them."""
    return st.tuples(BLANK, values, BLANK).map("".join)


WORDS = st.one_of(st.none(), padded(TEXT), padded(SENTINEL), BARE)
NAMES = st.one_of(st.none(), padded(st.sampled_from(["Ann", "Bo", "Åsa", ""])), BARE)
FOLLOWERS = st.one_of(
    st.none(),
    padded(
        st.sampled_from(
            [
                "422", "136k", "15M", "1.5M", "1,234", "12,34", "1,234,567.5k", "0.0005k", "0.0004999k", "1.0005K",
                "2b", "User Info Error", "k", "-5", "+5", "1e3", "2147483648",
                "9223372036854775807", "9223372036854775807.5",
                "9223372036854775808", "9223372036.8547758074B", "9223372036.8547758075B", "00000000000000000000007",
                "1.", ".5", "5 k", "1kk", "1\u2028", "٣", "0.5", "1.4999999999999999999999",
            ]
        )
    ),
    st.integers(0, 2**64),
    st.floats(0, 1e7).map(lambda number: round(number, 2)),
)  # fmt: skip
TIMES = st.one_of(
    st.none(),
    st.datetimes().map(lambda time: time.isoformat(" " if time.second % 2 else "T")),
    padded(
        st.sampled_from(
            [
                "2021-07-26T03:32:26", "2021-02-30 00:00:00", "2020-02-29", "2019-02-29", "2021-07-26 03:32",
                "2021-07-26T03:32:26.1234567+05:30", "2021-07-26 24:00:00", "2021-07-26 23:59:60", "0000-01-01", "soon",
                "0001-01-01T00:00:00+00:01", "0000-12-31T23:59:59-00:01",
                "0001-01-01", "9999-12-31 23:59:59.999999", "9999-12-31T23:59:59-00:01",
                "99999-01-01 00:00:00", "2021-07-26Z", "2021-07-26 03:32Z", "2021-7-26", "2021-13-01", "2021-07-26T",
                "2021-07-26 03:32:26 +01:00", "2021-07-26T03:32:26-18:00", "2021-07-26T03:32:26+18:01", "20210726",
                "1600-02-29 12:00:00", "2022-01-01T00:30:00+01:00",
            ]
        )
    ),
    BARE,
)  # fmt: skip
DEGREES = st.one_of(
    st.none(),
    st.floats(-200, 200).map(lambda number: round(number, 4)),
    st.floats(-200, 200).map(str),
    padded(
        st.sampled_from(
            ["90", "-90.0", "90.0000001", "1e2", "1e1", "NaN", "inf", "1e400", "5.", ".5", "-", "1,5", "0x1"]
        )
    ),
    st.sampled_from([180, -180, True, 1e-7, 33.333333333333336, 10**25]),
)
AGES = st.one_of(
    st.none(),
    st.integers(-5, 140),
    padded(
        st.sampled_from(
            [
                "0",
                "130",
                "131",
                "17",
                "18",
                "24",
                "25",
                "35",
                "36",
                "50",
                "51",
                "+5",
                "3.0",
                "2147483648",
                "x",
                "2.5e1",
                "+1E1",
                "250e-1",
                "251e-1",
                "18.5",
                "0e99",
                "1e99",
                "00024.000",
                "1e",
            ]
        )
    ),
    st.sampled_from([25.0, 18.5, 1e2, -0.0, 10**400]),
    BARE,
)
KEYS = st.one_of(
    st.integers(0, 300),
    st.integers(0, 300).map(str),
    st.sampled_from([-1, 2**63 - 1, -(2**63), " 7 ", "\u00a08", "007", "-0"]),
    st.sampled_from([14.0, "21.0", 1e16, "1e3", "1E1", "2.5e+1", "-0.0", " 9007199254740993.0 ", "100e-2", "9.2e18"]),
)
BAD_KEYS = st.sampled_from(
    [
        None,
        "",
        " ",
        "x",
        1.5,
        "1.5e0",
        True,
        2**63,
        [],
        {},
        [1],
        "+1",
        "--1",
        "1e",
        "1e19",
        "1e-1",
        10**400,
        -(2**63) - 1,
    ]
)
COUNTRIES = st.one_of(st.none(), st.sampled_from(["Albania", "Algeria", " Aruba ", "", "Åland"]))
CATEGORIES = st.one_of(st.none(), st.sampled_from(["art", "beauty", " art", "travel"]))
DEEP = st.sampled_from([100, 130, 250]).map(lambda depth: json.loads("[" * depth + "]" * depth))
NESTED = st.sampled_from([{}, [], {"a": 1}, [1, "x"], {"title": 5, "ind": [2]}])
EXTRAS = st.dictionaries(
    st.sampled_from(["Index", "IND", "extra", "title_", "ünïcode"]),
    st.one_of(NESTED, DEEP, st.just(10**400), WORDS),
    max_size=2,
)

_FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "pin": {
        **dict.fromkeys(["unique_id", "title", "description", "tag_list", "is_image_or_video", "image_src"], WORDS),
        "poster_name": st.one_of(NAMES, SENTINEL),
        "follower_count": FOLLOWERS,
        "downloaded": BARE,
        "save_location": st.one_of(
            WORDS,
            padded(
                st.sampled_from(["Local save in /data/art", "Local save in ", "x Local save in y", "Local save in  z"])
            ),
        ),
        "category": CATEGORIES,
    },
    "geo": {"timestamp": TIMES, "latitude": DEGREES, "longitude": DEGREES, "country": COUNTRIES},
    "user": {"first_name": NAMES, "last_name": NAMES, "age": AGES, "date_joined": TIMES},
}


def posts(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return records of an entity: fields can be missing, nested or of a wrong type, and others can be added."""
    key = "index" if entity == "pin" else "ind"
    complete = st.fixed_dictionaries({}, optional=_FIELDS[entity])
    record = st.tuples(st.one_of(*[KEYS] * 15, BAD_KEYS), complete, EXTRAS).map(
        lambda parts: {key: parts[0], **parts[1], **parts[2]}
    )
    broken = st.tuples(record, st.sampled_from(sorted(_FIELDS[entity])), NESTED).map(
        lambda parts: {**parts[0], parts[1]: parts[2]}
    )
    keyless = record.map(lambda fields: {name: value for name, value in fields.items() if name != key})
    return st.one_of(*[record] * 12, broken, keyless)


def mostly_unique(entity: str, values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Renumber two thirds of the valid keys: Hypothesis repeats keys, and only one row of a key is compared."""
    name = "index" if entity == "pin" else "ind"
    return [
        {**value, name: 1000 + number} if type(value.get(name)) is int and number % 3 else value
        for number, value in enumerate(values)
    ]


def drawn(values: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Return about `number` values, to be checked in one query: it costs as much as a query over one value."""
    values_drawn: list[Any] = []

    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values)
    def collect(value: Any) -> None:
        values_drawn.append(value)

    collect()
    return values_drawn
