"""Generated pins: one block of `pinterest_data`, with the measured frequencies (rules S3 to S6)."""

from typing import Any, NamedTuple

import numpy as np

from emulators.source_db.vocabulary import (
    ADJECTIVES,
    DAYS,
    MARKS,
    POSTER_FIRST,
    POSTER_SECOND,
    POSTER_THIRD,
    SENTENCES,
    SUBJECTS,
    TITLES,
)

CATEGORIES: tuple[str, ...] = tuple(SUBJECTS)
STORY, VIDEO, IMAGE = "multi-video(story page format)", "video", "image"
NO_TITLE = "No Title Data Available"
NO_DESCRIPTION = "No description available"
NO_STORY_DESCRIPTION = "No description available Story format"
NO_USER = "User Info Error"
NO_TAGS = "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e"
NO_IMAGE = "Image src error."
TRUNCATED = "…\N{NO-BREAK SPACE}"

_EMPTY_TITLE_AT = 41
"""Position in each block whose title is empty: one in about 5,000 was measured."""
_FIRST_POSTER = {"plain": 0, "k": 1600, "M": 7100}
_POSTERS = {"plain": 1600, "k": 5500, "M": 400}
_BOLD = str.maketrans(
    {chr(ord("a") + n): chr(0x1D482 + n) for n in range(26)} | {chr(ord("A") + n): chr(0x1D468 + n) for n in range(26)}
)
_TAGS = {
    category: tuple(f"{adjective} {subject}" for subject in subjects for adjective in ADJECTIVES)
    for category, subjects in SUBJECTS.items()
}
_TAG_STRIDES = (1, 5, 7, 11, 13, 17, 19, 23)


class _Draws(NamedTuple):
    """Random draws of one pin: decisions in [0, 1), integers that choose words, 16 bytes in hex."""

    kind: float
    story: float
    no_text: float
    no_tags: float
    followers: float
    poster: float
    title: float
    description: float
    tags: float
    words: list[int]
    digits: str


def pin_block(rng: np.random.Generator, indexes: range, rows: int, block_rows: int) -> list[dict[str, Any]]:
    """Return the pins of one block.

    Args:
        rng: the block's own generator.
        indexes: the indexes to generate, from the block's first.
        rows: rows of the whole table, which the categories divide evenly.
        block_rows: rows of a full block; all are drawn, even if fewer are generated.
    """
    decisions = rng.random((block_rows, 9)).tolist()
    words = (rng.random((block_rows, 12)) * 2**30).astype(np.int64).tolist()
    digits = rng.bytes(16 * block_rows).hex()
    pins: list[dict[str, Any]] = []
    for position, index in enumerate(indexes):
        category = CATEGORIES[index * len(CATEGORIES) // rows]
        draws = _Draws._make([*decisions[position], words[position], digits[32 * position : 32 * (position + 1)]])
        pins.append(_pin(index, category, draws, "" if position == _EMPTY_TITLE_AT else _title(category, draws)))
    return pins


def _pin(index: int, category: str, draws: _Draws, title: str) -> dict[str, Any]:
    kind = STORY if draws.kind < 0.08 else VIDEO if draws.kind < 0.11 else IMAGE
    downloaded = not (kind == STORY and draws.story < 0.3)
    no_user = kind == STORY and draws.story < 0.125
    poster_name, follower_count = (NO_USER, NO_USER) if no_user else _poster(draws)
    return {
        "index": index,
        "unique_id": _uuid(draws.digits),
        "title": NO_TITLE if no_user else title,
        "description": NO_STORY_DESCRIPTION if kind == STORY else _description(category, draws),
        "poster_name": poster_name,
        "follower_count": follower_count,
        "tag_list": NO_TAGS if no_user or draws.no_tags < 0.005 else _tags(category, draws),
        "is_image_or_video": kind,
        "image_src": _image(kind, draws.digits) if downloaded else NO_IMAGE,
        "downloaded": int(downloaded),
        "save_location": f"Local save in /data/{category}",
        "category": category,
    }


def _uuid(digits: str) -> str:
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _image(kind: str, digits: str) -> str:
    folder = "originals" if kind == IMAGE else "videos/thumbnails/originals"
    name = digits[::-1]
    return f"https://i.pins.example/{folder}/{name[:2]}/{name[2:4]}/{name[4:6]}/{name}.jpg"


def _poster(draws: _Draws) -> tuple[str, str]:
    """Return a poster and its follower count, which is the same on all rows; few posters have many of the posts."""
    unit = "k" if draws.followers < 0.7475 else "plain" if draws.followers < 0.9192 else "M"
    rank = int(_POSTERS[unit] * draws.poster**2.5)
    spread = (rank + 1) * 0.6180339887 % 1.0
    followers = {
        "plain": lambda: str(int(999 * spread**2.6)),
        "k": lambda: f"{int(992**spread)}k",
        "M": lambda: f"{int(16**spread)}M",
    }[unit]()
    return _poster_name(_FIRST_POSTER[unit] + rank), followers


def _poster_name(poster: int) -> str:
    # The multiplier and the number of names are coprime, so no two posters get the same name.
    number = poster * 2237 % (len(POSTER_FIRST) * len(POSTER_SECOND) * len(POSTER_THIRD))
    number, first = divmod(number, len(POSTER_FIRST))
    third, second = divmod(number, len(POSTER_SECOND))
    name = f"{POSTER_FIRST[first]} {POSTER_SECOND[second]}{POSTER_THIRD[third]}"
    if poster % 50 == 7:
        return f"{name} " if poster % 100 == 7 else f" {name}"
    return name.translate(_BOLD) if poster % 60 == 11 else name


def _fill(template: str, category: str, words: list[int]) -> str:
    a = words[0] % len(ADJECTIVES)
    return template.format(
        a=ADJECTIVES[a],
        x=ADJECTIVES[a].lower(),
        b=ADJECTIVES[a - 1 - words[1] % (len(ADJECTIVES) - 1)],
        s=SUBJECTS[category][words[2] % len(SUBJECTS[category])],
        d=DAYS[words[3] % len(DAYS)],
        n=words[0] // 32 % 40 + 3,
        m=words[1] // 32 % 90 + 10,
    )


def _title(category: str, draws: _Draws) -> str:
    title = _fill(TITLES[draws.words[4] % len(TITLES)], category, draws.words)
    mark = MARKS[draws.words[5] % len(MARKS)]
    match int(draws.title * 1000):
        case 0 | 1:
            return "Untitled"
        case 2 | 3:
            return title.replace(" ", "\n", 1)
        case per_mille if per_mille < 13:
            return f'"{title}"'
        case per_mille if per_mille < 30:
            return title.replace(" ", "  ", 1)
        case per_mille if per_mille < 48:
            return f"{title} {mark}"
        case per_mille if per_mille < 56:
            return title.translate(_BOLD)
        case 56 | 57:
            return f" {title}\t"
        case 58:
            return " - ".join([title] * 20)[:199].rstrip()
        case _:
            return title


def _description(category: str, draws: _Draws) -> str:
    if draws.no_text < 0.022:
        return NO_DESCRIPTION
    truncated = draws.description < 0.4
    length = 180 if truncated else 40 + int(200 * draws.description - 80) // 2
    parts: list[str] = []
    size = 0
    for turn in range(len(SENTENCES)):
        sentence = SENTENCES[(draws.words[6] + turn * 3) % len(SENTENCES)]
        parts.append(_fill(sentence, category, draws.words[turn % 8 :]))
        size += len(parts[-1]) + 1
        if size > length:
            break
    text = " ".join(parts)
    if truncated:
        return text[: 174 + draws.words[7] % 4].rstrip() + TRUNCATED
    return f"{text} {MARKS[draws.words[8] % len(MARKS)]}" if draws.words[9] % 25 == 0 else text


def _tags(category: str, draws: _Draws) -> str:
    tags = _TAGS[category]
    stride = _TAG_STRIDES[draws.words[10] % len(_TAG_STRIDES)]
    count = 17 if draws.tags < 0.018 else 8 if draws.tags < 0.02 else 9
    return ",".join(tags[(draws.words[11] + turn * stride) % len(tags)] for turn in range(count))
