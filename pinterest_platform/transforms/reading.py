"""How one text becomes one value (SPEC 6): trimming, sentinels, numbers and times.

Every reader takes a text that `text` made, null where there is none, and gives null where it cannot be read.
Patterns end in `\\z` and write `[0-9]`: engines differ on `$`, `\\s` and `\\d`.
"""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.schemas import BLANKS

_FOLLOWERS = r"^(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?[kKmMbB]?\z"
_INTEGER = r"^[+-]?[0-9]+\z"
_DECIMAL = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\z"
_DATE = "([0-9]{4}-[0-9]{2}-[0-9]{2})"
_ZONE = "(Z|[+-](?:(?:0[0-9]|1[0-7]):[0-5][0-9]|18:00))?"
_TIME = rf"^{_DATE}(?:[T ]([0-9]{{2}}:[0-9]{{2}})(:[0-9]{{2}}(?:\.[0-9]+)?)?{_ZONE})?\z"
_SECONDS = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}\z"
_FIRST_MICROSECOND = -62_135_596_800_000_000
_LAST_MICROSECOND = 253_402_300_799_999_999
_ZEROS = "0000000000"


def trimmed(column: Column) -> Column:
    """The text without blanks at either end (schemas.BLANKS)."""
    return F.trim(column, F.lit(BLANKS))


def text(column: Column, sentinels: Sequence[str] = ()) -> Column:
    """The trimmed text; null where it is empty or one of the sentinels."""
    bare = trimmed(column)
    return F.when(~bare.isin("", *sentinels), bare)


def follower_count(column: Column) -> Column:
    """A count such as 422, 1,234, 136k or 1.5M as a long, rounded half up, by moving the point in the text.

    Null where the whole text does not match or the count does not fit a long. Neither doubles nor decimals are
    involved: both lose digits.
    """
    digits = F.translate(column, ",", "")
    whole = F.regexp_extract(digits, r"^([0-9]+)", 1)
    fraction = F.concat(F.regexp_extract(digits, r"\.([0-9]+)", 1), F.lit(_ZEROS))
    shifts = ((r"[kK]\z", 3), (r"[mM]\z", 6), (r"[bB]\z", 9))
    moved, following = F.concat(whole, F.lit("")), F.substring(fraction, 1, 1)
    for suffix, places in shifts:
        here = column.rlike(suffix)
        moved = F.when(here, F.concat(whole, F.substring(fraction, 1, places))).otherwise(moved)
        following = F.when(here, F.substring(fraction, places + 1, 1)).otherwise(following)
    rounded_up = F.when(following >= "5", F.lit(1)).otherwise(F.lit(0)).cast("bigint")
    return F.when(column.rlike(_FOLLOWERS), F.try_add(moved.try_cast("bigint"), rounded_up))


def age(column: Column) -> Column:
    """A whole number of years from 0 to 130 as a long."""
    years = F.when(column.rlike(_INTEGER), column.try_cast("bigint"))
    return F.when(years.between(0, 130), years)


def degrees(column: Column, limit: float) -> Column:
    """A decimal number from -limit to +limit as a double."""
    number = F.when(column.rlike(_DECIMAL), column.try_cast("double"))
    return F.when(number.between(-limit, limit), number)


def timestamp(column: Column) -> Column:
    """An ISO time as a timestamp: UTC where it names no zone, cut to microseconds, within the years 0001-9999 of UTC.

    `YYYY-MM-DD`, then nothing or a T or blank and `HH:MM[:SS[.fraction]]` and perhaps `Z` or an offset `±HH:MM`.
    """
    # Nearly all times are whole seconds without a zone; taking one apart costs four more matches.
    written = F.when(column.rlike(_SECONDS), F.concat(column, F.lit("Z"))).when(column.rlike(_TIME), _in_full(column))
    instant = written.try_cast("timestamp")
    return F.when(F.unix_micros(instant).between(_FIRST_MICROSECOND, _LAST_MICROSECOND), instant)


def _in_full(column: Column) -> Column:
    """The same time in one form that every engine reads, whatever its session's zone."""
    date, minutes, seconds, zone = (F.regexp_extract(column, _TIME, group) for group in range(1, 5))
    return F.concat(
        date,
        F.lit(" "),
        F.when(minutes == "", F.lit("00:00")).otherwise(minutes),
        F.when(seconds == "", F.lit(":00")).otherwise(F.substring(seconds, 1, len(":00.123456"))),
        F.when(zone == "", F.lit("Z")).otherwise(zone),
    )


def unreadable(source: Column, value: Column) -> Column:
    """Whether there was something to read and it could not be read."""
    return source.isNotNull() & value.isNull()
