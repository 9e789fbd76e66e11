"""Ticks are round, lie in the range, can be told apart, and say where they are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from hftlab.analysis.pictures.ticks import date_ticks, linear_ticks, log_ticks

BOUNDS = st.floats(-1e9, 1e9)


@given(low=BOUNDS, width=st.floats(1e-6, 1e9), count=st.integers(3, 12))
def test_linear_ticks(low: float, width: float, count: int) -> None:
    assume(width > abs(low) * 1e-6)
    ticks = linear_ticks(low, low + width, count)
    assert 1 <= len(ticks) <= count + 1
    assert len({label for _, label in ticks}) == len(ticks)
    for at, label in ticks:
        assert low - 1e-6 * width <= at <= low + width * (1 + 1e-6)
        assert abs(float(label.replace(",", "")) - at) <= 1e-6 * width + 1e-9 * abs(at)


def test_zero_has_no_sign() -> None:
    assert [label for _, label in linear_ticks(-1, 1, 2)] == ["-1", "0", "1"]
    assert [label for _, label in linear_ticks(-0.2, 0.2, 4)] == ["-0.2", "-0.1", "0.0", "0.1", "0.2"]


@given(low=st.floats(-9, 9), width=st.floats(0.01, 18), count=st.integers(3, 12))
def test_log_ticks(low: float, width: float, count: int) -> None:
    ticks = log_ticks(low, low + width, count)
    assert ticks
    assert all(low - 1e-6 <= at <= low + width + 1e-6 for at, _ in ticks)
    assert all(one[0] < other[0] for one, other in pairwise(ticks))
    assert len({label for _, label in ticks}) == len(ticks)


def test_log_labels_are_short() -> None:
    assert [label for _, label in log_ticks(-2, 6, 9)] == [
        *("0.01", "0.1", "1", "10", "100"),
        *("1k", "10k", "100k", "1M"),
    ]
    assert [label for _, label in log_ticks(0, 1, 5)] == ["1", "2", "5", "10"]
    assert [label for _, label in log_ticks(2.1, 2.8, 5)] == ["200", "300", "400", "500", "600"]
    assert [label for _, label in log_ticks(2.1, 2.2, 5)] == ["130", "140", "150"]


@given(start=st.integers(0, 4_000_000_000_000_000), width=st.integers(10, 10**14), count=st.integers(3, 9))
def test_date_ticks(start: int, width: int, count: int) -> None:
    ticks = date_ticks(start, start + width, count)
    assert 1 <= len(ticks) <= count + 1
    assert all(start <= at <= start + width for at, _ in ticks)
    distances = {round(other[0] - one[0]) for one, other in pairwise(ticks)}
    assert len(distances) <= 1
    assert all("\n" not in label for _, label in ticks[1:])


def test_the_first_time_has_the_date() -> None:
    since = 1_767_364_200 * 1_000_000
    assert [label for _, label in date_ticks(since, since + 30_000_000, 3)] == [
        "14:30:00\n2026-01-02",
        "14:30:10",
        "14:30:20",
        "14:30:30",
    ]
    assert [label for _, label in date_ticks(since, since + 20_000, 2)][1:] == ["14:30:00.01", "14:30:00.02"]
    assert [label for _, label in date_ticks(since, since + 7200 * 1_000_000, 4)][1:] == [
        "15:00",
        "15:30",
        "16:00",
        "16:30",
    ]
