"""Random rows as posters send them: most valid, some odd, some that landing or cleaning must reject."""

import json
import random
from typing import Any

from pinterest_platform.catalog import GEO, PIN, USER, Entity

KEYS = range(150)
"""Few enough that most keys are posted again with other values."""

WORDS = ["Ann", "Bo", "Åsa", " Ann\u00a0", "", "Untitled", "User Info Error", "a\nb", '"x"\\', "🎨𝔘", "[1", "{", "null"]
COUNTS = ["422", "136k", "1.5M", "1,234", "12,34", "2b", "k", "User Info Error", "9223372036854775808", 7, None]
TIMES = ["2021-07-26T03:32:26", "2019-02-29", "2020-02-29 23:59:59", "soon", "0000-01-01", None, 7]
DEGREES = [1.5, -89.25, "90.0000001", "NaN", " 12 ", 181, None, True]
JUNK = [
    b"", b"not json", b'{"ind":1}{"ind":2}', b'{"ind":1,"first_name":"\xff"}', b'{"ind":1,', b"\xef\xbb\xbf{}",
    b"{}", b'{\r\n"ind" :\n7001,\t"index": 7001\r}', b"  {} ", b'{"ind":1,"ind":2}',
]  # fmt: skip
"""Bytes that no JSON of a route can hold, and objects with line breaks between tokens."""


def row(chance: random.Random, entity: Entity, key: int) -> bytes:
    """Return one entity's row of a post, as JSON."""
    draw = chance.random()
    if draw < 0.02:
        return chance.choice([b"[1]", b'"text"', b"7", b'{"ind":1,"_offset":7}', b'{"_sequence":"0"}'])
    if draw < 0.04:
        name = entity.key_field
        odd = [b'{"%b":"x"}', b'{"%b":1.5}', b'{"%b":null}', b'{"%b":[1]}', b'{"%b":1,"%b":2}']
        return chance.choice(odd).replace(b"%b", name.encode())
    values = {PIN: _pin, GEO: _geo, USER: _user}[entity](chance)
    values |= {entity.key_field: key if chance.random() < 0.9 else f" {key} "}
    if chance.random() < 0.1:
        values["extra"] = {"nested": ["x" * chance.randrange(2000)]}
    return json.dumps(values, ensure_ascii=chance.random() < 0.5).encode()


def _pin(chance: random.Random) -> dict[str, Any]:
    names = ("title", "description", "poster_name", "tag_list", "image_src", "category", "unique_id")
    return {name: chance.choice(WORDS) for name in names} | {
        "follower_count": chance.choice(COUNTS),
        "save_location": f"Local save in /data/{chance.choice(WORDS)}",
        "downloaded": 1,
    }


def _geo(chance: random.Random) -> dict[str, Any]:
    return {
        "country": chance.choice(WORDS),
        "timestamp": chance.choice(TIMES),
        "latitude": chance.choice(DEGREES),
        "longitude": chance.choice(DEGREES),
    }


def _user(chance: random.Random) -> dict[str, Any]:
    return {
        "first_name": chance.choice(WORDS),
        "last_name": chance.choice(WORDS),
        "age": chance.choice([30, "31", " 32", -1, 131, "old", None, False]),
        "date_joined": chance.choice(TIMES),
    }
