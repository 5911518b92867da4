"""Encoding the rows of any database as JSON."""

import ipaddress
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.failures import EmulatorFailure
from emulators.posting.encoding import encode_row


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2021, 7, 26, 3, 32, 26), '"2021-07-26T03:32:26"'),
        (datetime(2021, 7, 26, 3, 32, 26, 5), '"2021-07-26T03:32:26.000005"'),
        (datetime(2021, 7, 26, tzinfo=UTC), '"2021-07-26T00:00:00+00:00"'),
        (date(2021, 7, 26), '"2021-07-26"'),
        (time(3, 32), '"03:32:00"'),
        (timedelta(minutes=1, milliseconds=500), "60.5"),
        (Decimal("12345678901234567890.1234567890"), "12345678901234567890.1234567890"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), "null"),
        (float("inf"), "null"),
        (2**70, str(2**70)),
        (-(2**70), str(-(2**70))),
        (True, "true"),
        ("é\N{SPARKLES}\u00a0\n", '"é\N{SPARKLES}\u00a0\\n"'),
        (b"caf\xc3\xa9", '"café"'),
        (bytearray(b"\xff\xfe"), '"//4="'),
        (memoryview(b"abc"), '"abc"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        ({"b", "a"}, '["a","b"]'),
        ({"nested": [1, None]}, '{"nested":[1,null]}'),
        (ipaddress.ip_address("::1"), '"::1"'),
        (None, "null"),
    ],
)
def test_values_of_every_type_are_encoded(value: Any, text: str) -> None:
    assert encode_row({"column": value}).decode() == f'{{"column":{text}}}'


def test_a_type_without_json_form_is_named_with_its_column() -> None:
    with pytest.raises(EmulatorFailure, match="Column odd holds a complex"):
        encode_row({"index": 1, "odd": 1j})


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.none()
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_plain_values_are_read_back_unchanged(row: dict[str, Any]) -> None:
    assert json.loads(encode_row(row)) == row
