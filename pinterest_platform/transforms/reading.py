"""The rules that turn texts into values: trimming, sentinels, numbers, times and composed columns (rules C2 to C18).

The catalog refers to these functions. A reader gets a text that `text` made, which can be null, and returns null if it
cannot read it. Patterns end in `\\z` and use `[0-9]`, because engines differ on `$`, `\\s` and `\\d`.
"""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

BLANKS = "\t\n\x0b\x0c\r \u00a0"
"""The characters that are trimmed at both ends (rule C2), written out because engines differ on `\\s`."""

SAVE_LOCATION_PREFIX = "Local save in "

_FOLLOWERS = r"^(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?[kKmMbB]?\z"
_INTEGER = r"^[+-]?[0-9]+\z"
_NUMBER = r"^([+-]?)([0-9]+)(?:\.([0-9]+))?(?:[eE](?:\+?([0-9]+)|(-[0-9]+)))?\z"
_DECIMAL = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\z"
_DATE = "([0-9]{4}-[0-9]{2}-[0-9]{2})"
_ZONE = "(Z|[+-](?:(?:0[0-9]|1[0-7]):[0-5][0-9]|18:00))?"
_TIME = rf"^{_DATE}(?:[T ]([0-9]{{2}}:[0-9]{{2}})(:[0-9]{{2}}(?:\.[0-9]+)?)?{_ZONE})?\z"
_SECONDS = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}\z"
_FIRST_MICROSECOND = -62_135_596_800_000_000
_LAST_MICROSECOND = 253_402_300_799_999_999
_FAR = 10**10
_ZEROS = "0000000000"


def trimmed(column: Column) -> Column:
    """Trim `BLANKS` at both ends."""
    return F.trim(column, F.lit(BLANKS))


def text(column: Column, sentinels: Sequence[str] = ()) -> Column:
    """Return the trimmed text, or null if it is empty or a sentinel (rule C3)."""
    bare = trimmed(column)
    return F.when(~bare.isin("", *sentinels), bare)


def follower_count(column: Column) -> Column:
    """Read a count such as 422, 1,234, 136k or 1.5M as a long, rounded half up (rule C11).

    It moves the decimal point in the text, because both doubles and decimals lose digits.
    """
    digits = F.translate(column, ",", "")
    whole = F.regexp_extract(digits, r"^([0-9]+)", 1)
    fraction = F.concat(F.regexp_extract(digits, r"\.([0-9]+)", 1), F.lit(_ZEROS))
    shifts = ((r"[kK]\z", 3), (r"[mM]\z", 6), (r"[bB]\z", 9))
    shifted, following = F.concat(whole, F.lit("")), F.substring(fraction, 1, 1)
    for suffix, places in shifts:
        applies = column.rlike(suffix)
        shifted = F.when(applies, F.concat(whole, F.substring(fraction, 1, places))).otherwise(shifted)
        following = F.when(applies, F.substring(fraction, places + 1, 1)).otherwise(following)
    rounded_up = F.when(following >= "5", F.lit(1)).otherwise(F.lit(0)).cast("bigint")
    return F.when(column.rlike(_FOLLOWERS), F.try_add(shifted.try_cast("bigint"), rounded_up))


def integer(column: Column) -> Column:
    """Read a number of integral value, such as 14, 0012, 14.0 or 1E1, as a long; null if it does not fit (rule C4)."""
    return F.when(column.rlike(_INTEGER), column.try_cast("bigint")).when(column.rlike(_NUMBER), _integral(column))


def _integral(column: Column) -> Column:
    """Read a number with decimals or an exponent; its digits are moved as text, because doubles lose some."""
    sign, whole, fraction, up, down = (F.regexp_extract(column, _NUMBER, group) for group in range(1, 6))
    digits = F.ltrim(F.concat(whole, fraction), F.lit("0"))
    significant = F.rtrim(digits, F.lit("0"))
    # Beyond these limits no text is long enough to make the value integral, or to fit a long.
    raised = F.least(F.concat(F.lit("0"), up).try_cast("bigint"), F.lit(_FAR))
    exponent = F.when(down == "", raised).otherwise(F.greatest(down.try_cast("bigint"), F.lit(-_FAR)))
    zeros = exponent - F.length(fraction) + F.length(digits) - F.length(significant)
    # A long has 19 digits at most.
    padded = F.concat(sign, significant, F.substring(F.lit("0" * 19), F.lit(1), F.least(zeros, F.lit(19)).cast("int")))
    return F.when(significant == "", F.lit(0).cast("bigint")).when(zeros >= 0, padded.try_cast("bigint"))


def decimal(column: Column) -> Column:
    """Read a decimal number, with or without exponent, as a double."""
    return F.when(column.rlike(_DECIMAL), column.try_cast("double"))


def age(column: Column) -> Column:
    """Read a whole number of years from 0 to 130 as a long (rule C17)."""
    years = integer(column)
    return F.when(years.between(0, 130), years)


def degrees(column: Column, limit: float) -> Column:
    """Read a decimal number from -limit to +limit as a double."""
    number = decimal(column)
    return F.when(number.between(-limit, limit), number)


def latitude(column: Column) -> Column:
    """Read a latitude in degrees as a double."""
    return degrees(column, 90.0)


def longitude(column: Column) -> Column:
    """Read a longitude in degrees as a double."""
    return degrees(column, 180.0)


def timestamp(column: Column) -> Column:
    """Read an ISO 8601 time as a timestamp, in UTC if it names no zone (rule C9)."""
    # Nearly all times are whole seconds without a zone; taking one apart costs four more matches.
    complete = F.when(column.rlike(_SECONDS), F.concat(column, F.lit("Z"))).when(column.rlike(_TIME), _in_full(column))
    instant = complete.try_cast("timestamp")
    return F.when(F.unix_micros(instant).between(_FIRST_MICROSECOND, _LAST_MICROSECOND), instant)


def _in_full(column: Column) -> Column:
    """Return the same time in one form that every engine reads, whatever the time zone of its session."""
    date, minutes, seconds, zone = (F.regexp_extract(column, _TIME, group) for group in range(1, 5))
    return F.concat(
        date,
        F.lit(" "),
        F.when(minutes == "", F.lit("00:00")).otherwise(minutes),
        F.when(seconds == "", F.lit(":00")).otherwise(F.substring(seconds, 1, len(":00.123456"))),
        F.when(zone == "", F.lit("Z")).otherwise(zone),
    )


def unreadable(source: Column, value: Column) -> Column:
    """Return whether there is a text that could not be read."""
    return source.isNotNull() & value.isNull()


def save_location(path: Column) -> Column:
    """Remove the prefix "Local save in " of a path (rule C12)."""
    location = F.substring(path, len(SAVE_LOCATION_PREFIX) + 1, 1_000_000_000)
    return text(F.when(path.startswith(SAVE_LOCATION_PREFIX), location).otherwise(path))


def coordinates(latitude: Column, longitude: Column) -> Column:
    """Return the array of latitude and longitude, or null if one of them is null (rule C14)."""
    return F.when(latitude.isNotNull() & longitude.isNotNull(), F.array(latitude, longitude))


def user_name(first_name: Column, last_name: Column) -> Column:
    """Join the first and the last name by one blank; either can be null (rule C16)."""
    name = F.concat_ws(" ", first_name, last_name)
    return F.when(name != "", name)
