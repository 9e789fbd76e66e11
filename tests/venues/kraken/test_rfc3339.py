"""Times of Kraken's API v2."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import UNIT
from hftlab.venues.kraken.rfc3339 import to_nanoseconds, to_rfc3339
from hftlab.venues.stamps import BadStamp


@given(st.integers(1_000_000_000 * 10**6, 9_000_000_000 * 10**6))
def test_microseconds_survive_both_ways_and_are_those_of_the_standard_library(moment: int) -> None:
    text = to_rfc3339(moment * 1000)
    assert to_nanoseconds(text) == moment * 1000
    parsed = datetime.fromisoformat(text)
    assert int(parsed.timestamp()) * 10**6 + parsed.microsecond == moment


@pytest.mark.parametrize(("fraction", "expected"), [("", 0), (".5", UNIT // 2), (".123456789", 123_456_789)])
def test_any_decimals_up_to_nine_are_read(fraction: str, expected: int) -> None:
    assert to_nanoseconds(f"2026-09-25T17:48:24{fraction}Z") == 1_790_358_504 * UNIT + expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-09-25",
        "2026-09-25T17:48:24",
        "2026-09-25T17:48:24+00:00",
        "2026-02-30T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2262-01-01T00:00:00Z",
        "2026-09-25T17:48:24.1234567891Z",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadStamp, match="is not a time"):
        to_nanoseconds(text)
