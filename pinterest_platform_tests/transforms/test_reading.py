"""Texts and their values at the limits of the rules (rules C2, C9, C11, C14 and C17)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.transforms import reading


def read(spark: SparkSession, reader: Callable[[Column], Column], texts: list[str]) -> Mapping[str, Any]:
    """Return the value of each text, in one query."""
    frame = spark.createDataFrame([(text,) for text in texts], "text string")
    return {row[0]: row[1] for row in frame.select("text", reader(F.col("text")).alias("value")).collect()}


COUNTS = {
    "0": 0,
    "422": 422,
    "007": 7,
    "136k": 136_000,
    "136K": 136_000,
    "15M": 15_000_000,
    "15m": 15_000_000,
    "1.5M": 1_500_000,
    "2B": 2_000_000_000,
    "3b": 3_000_000_000,
    "1,234": 1234,
    "1,234,567": 1_234_567,
    "1,234.5k": 1_234_500,
    "2147483648": 2_147_483_648,
    "0.5": 1,
    "0.4999999999999999999999": 0,
    "1.0005k": 1001,
    "1.00049999k": 1000,
    "1.23456789012345678901b": 1_234_567_890,
    "9223372036854775807": 2**63 - 1,
    "9223372036854775.807k": 2**63 - 1,
    "9223372036854775.8074k": 2**63 - 1,
    "9223372036854775.8075k": None,
    "9223372036854775808": None,
    "9223372036854775806.5": 2**63 - 1,
    "1234,567": None,
    "1,23": None,
    ",123": None,
    "k": None,
    "1.": None,
    ".5": None,
    "-1": None,
    "+1": None,
    "1e3": None,
    "1 k": None,
    "1kk": None,
    "1t": None,
    "1\n": None,
    "1\u2028": None,
    "١": None,
}


def test_follower_counts_are_exact_to_the_last_digit(spark: SparkSession) -> None:
    assert read(spark, reading.follower_count, list(COUNTS)) == COUNTS


def test_ages_are_whole_years_from_0_to_130(spark: SparkSession) -> None:
    ages = {
        "0": 0, "130": 130, "+7": 7, "-0": 0, "131": None, "-1": None, "3.0": 3, "9" * 30: None, "1\u2028": None,
        "2.5e1": 25, "1E2": 100, "+1.3e+2": 130, "131.0": None, "24.5": None, "-0.0": 0,
    }  # fmt: skip
    assert read(spark, reading.age, list(ages)) == ages


INTEGERS = {
    "14": 14,
    "0012": 12,
    "14.0": 14,
    "1E1": 10,
    "2.5e1": 25,
    "-2.50E+2": -250,
    "10e-1": 1,
    "0.0e-5": 0,
    "0e99999999999999999999": 0,
    "1e00000000000000000000001": 10,
    "9007199254740993.0": 9_007_199_254_740_993,
    "922337203685477580.7e1": 2**63 - 1,
    "-9223372036854775808.00": -(2**63),
    "9223372036854775808.0": None,
    "1" + "0" * 400 + "e-400": 1,
    "0." + "0" * 399 + "7e400": 7,
    "14.5": None,
    "120e-2": None,
    "1e-1": None,
    "1e19": None,
    "1E400": None,
    "10e9223372036854775807": None,
    "10e-9223372036854775808": None,
    "5e-99999999999999999999": None,
    "5e99999999999999999999": None,
    "1e": None,
    "1e+-2": None,
    "1.": None,
    " 1.0": None,
    "1.0\u2028": None,
    "١.٠": None,
}


def test_integers_are_numbers_of_integral_value_exact_to_the_last_digit(spark: SparkSession) -> None:
    assert read(spark, reading.integer, list(INTEGERS)) == INTEGERS


def test_degrees_end_at_their_limit(spark: SparkSession) -> None:
    degrees = {
        "90": 90.0, "-90.0": -90.0, "9e1": 90.0, ".5": 0.5, "5.": 5.0, "-84.8378": -84.8378, "90.0000001": None,
        "NaN": None, "inf": None, "1e400": None, "1,5": None, "": None, "1 ": None,
        "33.333333333333336": 33.333333333333336,
    }  # fmt: skip
    assert read(spark, lambda text: reading.degrees(text, 90.0), list(degrees)) == degrees


TIMES = {
    "2021-07-26T03:32:26": 1_627_270_346_000_000,
    "2021-07-26 03:32:26": 1_627_270_346_000_000,
    "2021-07-26T03:32:26Z": 1_627_270_346_000_000,
    "2021-07-26T03:32:26.1234567": 1_627_270_346_123_456,
    "2021-07-26T03:32:26.5": 1_627_270_346_500_000,
    "2021-07-26T05:32:26+02:00": 1_627_270_346_000_000,
    "2021-07-25T22:02:26-05:30": 1_627_270_346_000_000,
    "2021-07-26 03:32": 1_627_270_320_000_000,
    "2021-07-26": 1_627_257_600_000_000,
    "2020-02-29": 1_582_934_400_000_000,
    "2021-02-29": None,
    "2021-02-30T00:00:00": None,
    "2021-13-01": None,
    "2021-07-26 24:00:00": None,
    "2021-07-26 23:59:60": None,
    "0001-01-01 00:00:00": -62_135_596_800_000_000,
    "0001-01-01T00:00:00+00:01": None,
    "0000-12-31 23:59:59": None,
    "0000-12-31T23:59:59-00:01": -62_135_596_741_000_000,
    "9999-12-31 23:59:59.999999": 253_402_300_799_999_999,
    "9999-12-31T23:59:59-00:01": None,
    "10000-01-01 00:00:00": None,
    "2021-07-26T03:32:26+18:00": 1_627_205_546_000_000,
    "2021-07-26T03:32:26+18:01": None,
    "2021-07-26T03:32:26 Z": None,
    "2021-7-26": None,
    "2021-07-26T": None,
    "2021-07-26Z": None,
    "20210726": None,
    "yesterday": None,
}


def test_times_are_utc_and_impossible_ones_null(spark: SparkSession) -> None:
    assert read(spark, lambda text: F.unix_micros(reading.timestamp(text)), list(TIMES)) == TIMES


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
def test_times_do_not_depend_on_the_zone_of_the_session(spark: SparkSession, zone: str) -> None:
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        values = read(spark, lambda text: F.unix_micros(reading.timestamp(text)), ["2021-07-26T03:32:26", "2021-07-26"])
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert list(values.values()) == [1_627_270_346_000_000, 1_627_257_600_000_000]


def test_every_blank_of_the_list_is_trimmed_and_no_other(spark: SparkSession) -> None:
    texts = {
        "\t\n\x0b\x0c\r \u00a0a b\u00a0 ": "a b",
        "\u2003a": "\u2003a",
        "\u00a0 ": None,
        "": None,
        "x": None,
        "X": "X",
    }
    assert read(spark, lambda text: reading.text(text, ["x"]), list(texts)) == texts
