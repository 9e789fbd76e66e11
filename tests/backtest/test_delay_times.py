from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.delay_times import LONGEST, delay_ns, delay_text
from hftlab.errors import ArgumentError


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (0, 0),
        ("0", 0),
        ("0 ms", 0),
        ("0.0s", 0),
        (250, 250),
        (2e6, 2_000_000),
        (np.int64(7), 7),
        ("250us", 250_000),
        ("1.5 ms", 1_500_000),
        ("2s", 2_000_000_000),
        (timedelta(microseconds=3), 3_000),
        (timedelta(days=1), LONGEST),
    ],
)
def test_reads_what_people_write(value: Any, ns: int) -> None:
    assert delay_ns("feed", value) == ns


@pytest.mark.parametrize("value", ["5", "fast", "", "-5ms", True, None, 0.005, float("nan"), float("inf"), [5], b"5ms"])
def test_refuses_what_is_not_a_length_of_time(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"feed is .*a whole number of nanoseconds, a timedelta, or text such as"):
        delay_ns("feed", value)


@pytest.mark.parametrize("value", [-1, LONGEST + 1, timedelta(seconds=-1), "25h"])
def test_refuses_what_is_out_of_range(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"feed is .*at least 0 and at most a day"):
        delay_ns("feed", value)


def test_a_fraction_was_meant_in_seconds() -> None:
    with pytest.raises(ArgumentError) as caught:
        delay_ns("feed", 0.005)
    assert caught.value.arguments == {"feed": "'5ms'"}


@given(st.integers(0, LONGEST))
def test_a_text_says_exactly_what_it_is_of(ns: int) -> None:
    assert delay_ns("feed", delay_text(ns)) == ns


def test_a_text_is_short() -> None:
    texts = [delay_text(ns) for ns in (0, 7, 1_500, 2_000_000, 1_234_567, 90 * 10**9)]
    assert texts == ["0", "7ns", "1.5us", "2ms", "1.234567ms", "90s"]
