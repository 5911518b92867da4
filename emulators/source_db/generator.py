"""Generated source tables of any size from a seed, with the measured columns, sentinels and ranges (rule S9).

Rows are drawn in blocks that depend on the seed and the block number only. Row k of a seed is therefore the same in
tables of any size, except its category and the category's words: categories divide the index evenly.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

from emulators.source_db.countries import COUNTRIES, COUNTRY_WEIGHTS
from emulators.source_db.database import Chunk
from emulators.source_db.pins import pin_block
from emulators.source_db.vocabulary import FIRST_NAMES, LAST_NAMES

BLOCK_ROWS = 4096
DEFAULT_ROWS = 11154

_GEO_FROM, _GEO_UNTIL = datetime(2017, 10, 20), datetime(2022, 10, 19)
_JOINED_FROM, _JOINED_UNTIL = datetime(2015, 10, 21), datetime(2017, 10, 21)
_AGES = np.arange(20, 61)
_AGE_WEIGHTS = np.array(
    [19.0, 11.5, 5.2, 5.2, 4.1]  # 18-24: 45 %
    + [4.0, 3.4, 2.6, 3.2, 2.2, 2.9, 2.2, 2.2, 1.3, 1.7, 1.3]  # 25-35: 27 %
    + [1.27] * 15  # 36-50: 19 %
    + [0.9] * 10  # over 50: 9 %
)
_REPEATED = 300
"""Number of users, and of places, that occur on many rows each."""


def generate(rows: int, seed: int) -> Iterator[Chunk]:
    """Yield the three tables block by block, in index order.

    Args:
        rows: rows of each table; the index is 0 to rows - 1.
        seed: the same rows and seed give the same content.
    """
    places = _places(np.random.default_rng([seed, 3]).random((_REPEATED, 2)))
    users = _users(_spread(_REPEATED), seed)
    for block in range((rows + BLOCK_ROWS - 1) // BLOCK_ROWS):
        start = block * BLOCK_ROWS
        stop = min(start + BLOCK_ROWS, rows)
        yield {
            "pin": pin_block(np.random.default_rng([seed, 0, block]), range(start, stop), rows, BLOCK_ROWS),
            "geo": _geo_block(np.random.default_rng([seed, 1, block]), range(start, stop), places),
            "user": _user_block(np.random.default_rng([seed, 2, block]), range(start, stop), users),
        }


def _geo_block(rng: np.random.Generator, indexes: range, places: list[tuple[float, float]]) -> list[dict[str, Any]]:
    draws = rng.random((BLOCK_ROWS, 6))[: len(indexes)]
    times = _times(draws[:, 0], _GEO_FROM, _GEO_UNTIL)
    countries = np.searchsorted(np.cumsum(COUNTRY_WEIGHTS) / sum(COUNTRY_WEIGHTS), draws[:, 1], side="right").tolist()
    own = _places(draws[:, 2:4])
    repeated = (draws[:, 4] < 0.25).tolist()
    ranks = _ranks(draws[:, 5])
    rows: list[dict[str, Any]] = []
    for position, index in enumerate(indexes):
        latitude, longitude = places[ranks[position]] if repeated[position] else own[position]
        rows.append(
            {
                "ind": index,
                "timestamp": times[position],
                "latitude": latitude,
                "longitude": longitude,
                "country": COUNTRIES[countries[position]],
            }
        )
    return rows


def _user_block(rng: np.random.Generator, indexes: range, users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    draws = rng.random((BLOCK_ROWS, 6))[: len(indexes)]
    own = _users(draws[:, :4], None)
    repeated = (draws[:, 4] < 0.3).tolist()
    ranks = _ranks(draws[:, 5])
    return [
        {"ind": index, **(users[ranks[position]] if repeated[position] else own[position])}
        for position, index in enumerate(indexes)
    ]


def _ranks(draws: np.ndarray) -> list[int]:
    """Return ranks below `_REPEATED`, skewed so that the first one gets a tenth of the rows."""
    return (_REPEATED * draws**2.5).astype(int).tolist()


def _spread(count: int) -> np.ndarray:
    """Return evenly spread draws, so that the few frequent users do not distort the age distribution."""
    steps = np.arange(count)[:, None] * np.sqrt([2.0, 3.0, 5.0, 7.0])
    return steps % 1.0


def _places(draws: np.ndarray) -> list[tuple[float, float]]:
    skewed = draws**1.5
    return list(zip(_six_digits(180 * skewed[:, 0] - 90), _six_digits(360 * skewed[:, 1] - 180), strict=True))


def _six_digits(degrees: np.ndarray) -> list[float]:
    size = np.abs(degrees)
    return np.where(size < 10, degrees.round(5), np.where(size < 100, degrees.round(4), degrees.round(3))).tolist()


def _users(draws: np.ndarray, seed: int | None) -> list[dict[str, Any]]:
    """Return users from four draws each; a seed shifts the draws, so that each seed has its own users."""
    if seed is not None:
        draws = (draws + np.random.default_rng([seed, 4]).random(4)) % 1.0
    first = (len(FIRST_NAMES) * draws[:, 0] ** 1.6).astype(int).tolist()
    last = (len(LAST_NAMES) * draws[:, 1] ** 1.6).astype(int).tolist()
    ages = _AGES[np.searchsorted(np.cumsum(_AGE_WEIGHTS) / _AGE_WEIGHTS.sum(), draws[:, 2], side="right")].tolist()
    joined = _times(draws[:, 3] ** 2.5, _JOINED_FROM, _JOINED_UNTIL)
    return [
        {"first_name": FIRST_NAMES[a], "last_name": LAST_NAMES[b], "age": age, "date_joined": day}
        for a, b, age, day in zip(first, last, ages, joined, strict=True)
    ]


def _times(draws: np.ndarray, earliest: datetime, until: datetime) -> list[datetime]:
    seconds = (draws * (until - earliest).total_seconds()).astype(np.int64)
    return (np.datetime64(earliest, "s") + seconds).tolist()
